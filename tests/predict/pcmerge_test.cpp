// pcmerge: the mean of models to the bit, whose test pictures stay known, and what has no mean.
#include <fmt/format.h>

#include "engine/safetensors.h"
#include "tests/predict/fixture.h"

namespace pc::predict {
namespace {

using test::Ran;
using test::shell;

class PcMerge : public testing::Test {
 protected:
  void SetUp() override {
    model("a", test::tiny_info(), 1);
    model("b", test::tiny_info(), 2);
  }
  void model(const std::string& name, const ModelInfo& info, uint64_t seed) {
    save_model(folder_ / name, info, *make_classifier(info.architecture, info.head_shapes(), seed));
  }
  Ran merge(const std::string& arguments) { return shell(folder_.path(), "\"$BIN/pcmerge\" " + arguments); }
  std::vector<float> values(const std::string& file, const std::string& name) {
    return read_safetensors(folder_ / file).find(name)->tensor().to_vector<float>();
  }

  test::TemporaryFolder folder_;
};

TEST_F(PcMerge, IsTheMeanByTheWeights) {
  ASSERT_EQ(merge("even a b").code, 0);
  ASSERT_EQ(merge("--shares 1,3 uneven a b").code, 0);
  ASSERT_EQ(merge("--weights 1,0 first a b").code, 0);  // --shares is its other name
  for (const char* name : {"conv1.weight", "layer4.1.bn2.bias", "heads.kind.weight"}) {
    const auto a = values("a", name), b = values("b", name), even = values("even", name),
               uneven = values("uneven", name);
    for (std::size_t i = 0; i < a.size(); i += 97) {
      EXPECT_NEAR(even[i], (a[i] + b[i]) / 2, 1e-6) << name;
      EXPECT_NEAR(uneven[i], (a[i] + 3 * b[i]) / 4, 1e-6) << name;
    }
    EXPECT_EQ(values("first", name), a);
  }
}

TEST_F(PcMerge, StatisticsComeFromThePictures) {
  for (int i = 0; i < 6; ++i)
    test::write_text(folder_ / fmt::format("set/kind{}/{}.png", i % 2, i), test::png_of(test::make_picture(i)));
  ASSERT_EQ(merge("plain a b").code, 0);
  const Ran ran = merge("--statistics set adapted a b");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(values("adapted", "conv1.weight"), values("plain", "conv1.weight"));
  EXPECT_NE(values("adapted", "bn1.running_mean"), values("plain", "bn1.running_mean"));
  for (const char* file : {"plain", "adapted"})
    EXPECT_TRUE(run_self_test(load_model(folder_ / file), Device::cpu, DType::f32, file));
}

TEST_F(PcMerge, ImagesThatCannotBeReadAreNamedAndCounted) {
  for (int i = 0; i < 6; ++i)
    test::write_text(folder_ / fmt::format("set/kind{}/{}.png", i % 2, i), test::png_of(test::make_picture(i)));
  test::write_text(folder_ / "set/kind0/broken.png", "no image");
  test::write_text(folder_ / "set/kind1/empty.jpg", "");
  const Ran ran = merge("--statistics set adapted a b");
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* said : {"broken.png", "empty.jpg", "2 images could not be read"}) EXPECT_HAS(ran.err, said);
}

TEST_F(PcMerge, TestPicturesThatAllHeldBackStayKnown) {
  ModelInfo info = test::tiny_info();
  info.split = {.pictures = 9, .files = 5, .test = {1, 4}, .min_counts = {1, 1}};
  model("c", info, 3);
  model("d", info, 4);
  info.split->test = {2};
  model("e", info, 5);
  ASSERT_EQ(merge("same c d").code, 0);
  ASSERT_EQ(merge("other c e").code, 0);
  EXPECT_EQ(load_model(folder_ / "same").info.split->test, (std::vector<uint32_t>{1, 4}));
  EXPECT_FALSE(load_model(folder_ / "other").info.split);
}

TEST_F(PcMerge, WhatHasNoMean) {
  ModelInfo info = test::tiny_info();
  info.heads[0].labels.pop_back();
  model("labels", info, 1);
  info = test::tiny_info();
  info.heads.pop_back();
  model("heads", info, 1);
  info = test::tiny_info();
  info.preprocess.height = 48;
  model("size", info, 1);
  info = test::tiny_info();
  info.architecture = "smallcnn";
  model("small", info, 1);
  const struct {
    const char* arguments;
    int code;
    const char* message;
  } cases[] = {
      {"out a", 2, "MODEL"},
      {"out a labels", 3, "labels: head kind does not tell the labels of the first model's kind apart"},
      {"out a heads", 3, "heads: has 1 heads, the first model 2"},
      {"out a size", 3, "size: prepares its images in another way"},
      {"out a small", 3, "small: is a smallcnn, the first model a resnet18"},
      {"out a absent", 4, "absent"},
      {"--shares 1 out a b", 2, "--weights: 1 numbers for 2 models"},
      {"--shares 0,0 out a b", 2, "--weights: all are 0"},
      {"--shares=-1,2 out a b", 2, "--weights: -1: requires a number of 0 or more"},
  };
  for (const auto& c : cases) {
    const Ran ran = merge(c.arguments);
    EXPECT_TRUE(ended(ran, c.code, c.message)) << c.arguments;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  }
}

}  // namespace
}  // namespace pc::predict
