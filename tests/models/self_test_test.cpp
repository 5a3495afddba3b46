// The self-test of model files: it passes in every precision, and finds damaged weights.
#include "models/self_test.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/safetensors_write.h"
#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "models/model_file.h"
#include "tests/models/support.h"
#include "tests/support.h"

namespace pc {
namespace {

class SelfTestOfFile : public testing::Test {
 protected:
  // A model file, and what its self-test says.
  std::filesystem::path written(const std::string& architecture) {
    const ModelInfo info{.architecture = architecture,
                         .heads = {{"kind", {"a", "b", "c"}}, {"colour", {"red", "green"}}},
                         .preprocess = {.height = 40, .width = 30}};
    save_model(folder_ / "m", info, *test::formula_model(architecture, info.head_shapes()));
    return folder_ / "m";
  }
  std::optional<SelfTestResult> run(const std::filesystem::path& file, DType precision = DType::f32) {
    return run_self_test(load_model(file), Device::cpu, precision, "m");
  }
  // What loading and running end with; "" where nothing is wrong.
  std::string error_of(const std::filesystem::path& file) {
    return test::refusal([&] { run(file); });
  }
  // The file again, its metadata changed.
  std::filesystem::path with_self_test(const std::filesystem::path& file, const std::string& text) {
    WeightFile weights = read_safetensors(file);
    weights.metadata["pc.self_test"] = text;
    write_safetensors(folder_ / "changed", weights);
    return folder_ / "changed";
  }
  // Inverts one bit of the last f32 of a tensor.
  void flip(const std::filesystem::path& file, const std::string& name, int bit) {
    std::string bytes = read_file(file);
    const WeightFile weights = read_safetensors(file);
    const FileTensor* tensor = weights.find(name);
    const auto* begin = static_cast<const std::byte*>(weights.tensors.front().data);
    for (const FileTensor& t : weights.tensors) begin = std::min(begin, t.data);
    uint64_t header = 0;
    std::memcpy(&header, bytes.data(), 8);
    const std::size_t at = 8 + header + std::size_t(tensor->data - begin) + tensor->bytes() - 4 + std::size_t(bit / 8);
    bytes[at] = char(bytes[at] ^ (1 << bit % 8));
    write_file_atomically(file, bytes);
  }

  test::TemporaryFolder folder_;
};

TEST_F(SelfTestOfFile, PassesInF32AndBf16) {
  for (const char* architecture : {"smallcnn", "resnet18", "resnet50"}) {
    const auto file = written(architecture);
    const auto in_f32 = run(file), in_bf16 = run(file, DType::bf16);
    ASSERT_TRUE(in_f32 && in_bf16) << architecture;
    EXPECT_LT(in_f32->difference, in_f32->allowed / 5) << architecture;  // there is room for other machines
    EXPECT_GT(in_bf16->difference, 0) << architecture;
    EXPECT_GT(in_f32->largest, 0.01) << architecture;
  }
}

TEST_F(SelfTestOfFile, FindsAFlippedExponentBit) {
  for (const char* name : {"conv1.weight", "layer3.0.conv2.weight", "bn1.running_var", "heads.colour.weight"}) {
    const auto file = written("resnet18");
    ASSERT_EQ(error_of(file), "");
    flip(file, name, 30);
    EXPECT_EQ(error_of(file).find("m: self-test failed: head "), 0u) << name << ": " << error_of(file);
  }
}

TEST_F(SelfTestOfFile, NamesTheWorstLogit) {
  const auto file = written("smallcnn");
  LoadedModel loaded = load_model(file);
  auto logits = loaded.self_test->logits;
  logits[1][0] += 3;
  logits[0][2] += 1;
  const std::string line = test::refusal([&] { check_self_test(*loaded.self_test, loaded.info, logits, 1e-4, "m"); });
  EXPECT_TRUE(line.starts_with("m: self-test failed: head colour, label \"red\": ")) << line;
  logits = loaded.self_test->logits;
  logits[0][1] = std::nanf("");
  EXPECT_THROW(check_self_test(*loaded.self_test, loaded.info, logits, 1e-4, "m"), Error);
}

TEST_F(SelfTestOfFile, FilesWithoutOneLoad) {
  const auto file = written("smallcnn");
  WeightFile weights = read_safetensors(file);
  ASSERT_EQ(weights.metadata.erase("pc.self_test"), 1u);
  write_safetensors(folder_ / "old", weights);
  EXPECT_FALSE(run(folder_ / "old"));
}

TEST_F(SelfTestOfFile, ADivergedModelHasNone) {
  const ModelInfo info{.architecture = "smallcnn", .heads = {{"kind", {"a", "b"}}}, .preprocess = {}};
  const auto model = make_classifier(info.architecture, info.head_shapes(), 1);
  model->visit("", [](const std::string& name, Var& value, Role) {
    if (name == "fc.bias") value.set_value(Tensor::from<float>({2}, {0, std::nanf("")}));
  });
  EXPECT_FALSE(make_self_test(info.preprocess, *model));
}

TEST_F(SelfTestOfFile, BrokenOnesAreRefused) {
  const auto file = written("smallcnn");
  const nlohmann::json good = nlohmann::json::parse(read_safetensors(file).metadata.at("pc.self_test"));
  const std::pair<const char*, nlohmann::json> patches[] = {
      {"height is 0, which is not an integer from 1 to 512", {{{"op", "replace"}, {"path", "/height"}, {"value", 0}}}},
      {"width is 100000, which is not", {{{"op", "replace"}, {"path", "/width"}, {"value", 100000}}}},
      {"a pixel is 256, which is not an integer from 0 to 255",
       {{{"op", "replace"}, {"path", "/pixels/5"}, {"value", 256}}}},
      {"1295 pixel values for 18x24", {{{"op", "remove"}, {"path", "/pixels/5"}}}},
      {"not one finite logit per label of head \"kind\"", {{{"op", "remove"}, {"path", "/logits/kind/0"}}}},
      {"kind", {{{"op", "remove"}, {"path", "/logits/kind"}}}},
      {"type must be", {{{"op", "replace"}, {"path", "/logits/kind/0"}, {"value", nullptr}}}},
  };
  for (const auto& [message, patch] : patches) {
    const std::string line = error_of(with_self_test(file, good.patch(patch).dump()));
    EXPECT_HAS(line, ": broken self-test: ") << message << ": " << line;
    EXPECT_HAS(line, message);
  }
  EXPECT_HAS(error_of(with_self_test(file, "{")), "broken self-test");
}

}  // namespace
}  // namespace pc
