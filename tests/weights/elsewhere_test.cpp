// A model file of pctrain in torchvision and timm, with the few lines that tools/docs/export.md gives.
#include "tests/weights/peer.h"

namespace pc::weights {
namespace {

using namespace test;

class Elsewhere : public Peer {
 protected:
  void SetUp() override {
    std::vector<float> values(std::size_t(2 * 32 * 24 * 3));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i * 37 % 101) / 50 - 1;
    x_ = Tensor::from<float>({2, 32, 24, 3}, values);
    const std::vector<float> nchw = planes(x_);
    input_ = given("x", nchw.data(), nchw.size() * sizeof(float), {2, 3, 32, 24});
  }

  // Saves the model as "m" and returns our logits of its last head.
  std::vector<float> ours(const std::vector<Head>& heads) const {
    const LoadedModel made = lively_model({.architecture = "resnet18", .heads = heads});
    save_model(path("m.safetensors"), made.info, *made.model);
    return made.model->forward(Var(x_), Mode::infer).back().value().to_vector<float>();
  }

  // What the library makes of it; its exit code is 77 where it is absent.
  Result theirs(const std::string& python, const std::string& arguments) const {
    return shell(fmt::format("{} {}/tests/weights/load_elsewhere.py {}", python, PC_SOURCE_DIR, arguments));
  }

  Tensor x_;
  std::string input_;
};

const std::vector<std::string> kLabels{"a", "b", "c"};

TEST_F(Elsewhere, TorchvisionGivesOurLogits) {
  const std::vector<float> expected = ours({{"kind", kLabels}});
  ASSERT_EQ(run(path("m.safetensors") + " " + path("m.pth")).code, 0);
  const Result r = theirs("/usr/bin/python3", fmt::format("torchvision {} {} {} 3", path("m.pth"), input_, path("y")));
  if (r.code == 77 || r.code == 127) GTEST_SKIP() << "no torch or torchvision for /usr/bin/python3";
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_LE(largest_difference(expected, floats_of("y")), 1e-4);
}

TEST_F(Elsewhere, TimmGivesOurLogits) {
  const std::string python = python_with("torch, timm, safetensors");
  if (python.empty()) GTEST_SKIP() << "no timm: PC_ORACLES=yes tools/setup.sh installs it from PyPI";
  for (const bool several : {false, true}) {
    const std::vector<float> expected =
        several ? ours({{"colour", {"red", "blue"}}, {"kind", kLabels}}) : ours({{"kind", kLabels}});
    const Result r = theirs(
        python, fmt::format("timm {} {} {} 3 {}", path("m.safetensors"), input_, path("y"), several ? "kind" : ""));
    ASSERT_EQ(r.code, 0) << r.err;
    EXPECT_LE(largest_difference(expected, floats_of("y")), 1e-4) << several;
  }
}

}  // namespace
}  // namespace pc::weights
