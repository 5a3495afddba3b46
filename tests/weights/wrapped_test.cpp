// Weights as training code saves them: under many keys, and with prefixes before every name; torch is the judge.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/weights/program.h"
#include "tools/weights/names.h"

namespace pc::weights {
namespace {

using namespace test;

std::pair<std::string, std::vector<std::string>> renamed(const std::vector<std::string>& names, bool take = false) {
  WeightFile file;
  for (const std::string& name : names) file.tensors.push_back({.name = name});
  use_torchvision_names(file, "t");
  if (take) take_network(file);
  std::string all;
  for (const FileTensor& t : file.tensors) all += t.name + " ";
  return {all, file.notes};
}

TEST(Wrapped, PrefixesOfAllNamesComeOffAndAreSaid) {
  const std::pair<std::string, std::vector<std::string>> none = {"layer1.a layer1.b ", {}};
  EXPECT_EQ(renamed({"layer1.a", "layer1.b"}), none);  // a network's own part
  EXPECT_EQ(renamed({"model.a", "fc.b"}).first, "model.a fc.b ");
  EXPECT_EQ(renamed({"model.", "model.b"}).first, "model. model.b ");
  const auto [names, notes] = renamed({"module.net.a", "module.net.b.c", "n_averaged"});
  EXPECT_EQ(names, "a b.c ");
  EXPECT_EQ(notes, std::vector<std::string>{"takes \"module.net.\" off all 2 names"});
}

// What training begins with; pcconvert keeps all tensors.
TEST(Wrapped, ANetworkBesideOtherTensorsIsTakenOut) {
  const std::vector<std::string> parts = {"backbone.conv1.weight", "backbone.layer1.0.conv1.weight", "head.fc.weight",
                                          "head.fc.bias"};
  EXPECT_EQ(renamed(parts).first, parts[0] + " " + parts[1] + " " + parts[2] + " " + parts[3] + " ");
  const auto [names, notes] = renamed(parts, true);
  EXPECT_EQ(names, "conv1.weight layer1.0.conv1.weight ");
  EXPECT_EQ(notes, std::vector<std::string>{"takes the 2 tensors below \"backbone.\" and leaves out the other 2"});
  EXPECT_EQ(
      renamed({"conv1.weight", "layer1.0.conv1.weight", "ema.conv1.weight", "ema.layer1.0.conv1.weight"}, true).first,
      "conv1.weight layer1.0.conv1.weight ema.conv1.weight ema.layer1.0.conv1.weight ");
  EXPECT_EQ(renamed({"m.q.conv1.weight", "m.q.layer1.0.conv1.weight", "m.k.conv1.weight", "m.k.layer1.0.conv1.weight",
                     "m.queue"},
                    true)
                .first,
            "conv1.weight layer1.0.conv1.weight ");
  EXPECT_EQ(renamed({"online.conv1.weight", "online.layer1.0.conv1.weight", "ema.conv1.weight",
                     "ema.layer1.0.conv1.weight", "ema.fc.bias"},
                    true)
                .first,
            "conv1.weight layer1.0.conv1.weight fc.bias ");
}

// A hostile name must not cost more than its length a few times over.
TEST(Wrapped, EndlessPrefixesEnd) {
  std::string name;
  for (int i = 0; i < 300'000; ++i) name += "module.";
  EXPECT_EQ(renamed({name + "w"}).first.size(), (300'000 - 8) * 7 + 2u);
}

TEST_F(Pcconvert, FindsTheWeightsWhereverTrainingCodePutsThem) {
  const std::string script = "/usr/bin/python3 " PC_SOURCE_DIR "/tests/weights/wrapped_files.py ";
  const Result written = shell(script + "--write " + folder_.path().string());
  if (written.code == 77 || written.code == 127) GTEST_SKIP() << "no torch or torchvision for /usr/bin/python3";
  ASSERT_EQ(written.code, 0) << written.err;
  std::istringstream names(written.out);
  int files = 0;
  for (std::string name, said; names >> name >> said; ++files) {
    const Result r = run(fmt::format("{0} {0}.out.pth", path(name)));
    EXPECT_EQ(r.code, 0) << name << r.err;
    EXPECT_EQ(r.err.find(name + ": takes ") != std::string::npos, said == "said") << name << r.err;
  }
  EXPECT_GE(files, 60);
  const Result checked = shell(script + "--check " + folder_.path().string());
  EXPECT_EQ(checked.code, 0) << checked.err;
}

}  // namespace
}  // namespace pc::weights
