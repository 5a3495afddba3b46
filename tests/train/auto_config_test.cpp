// What "auto" stands for: input sizes from images of known sizes, batch sizes and rates at both sides of every limit.
#include "tools/runs/auto_config.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::runs {
namespace {

struct Images {
  int count;
  int64_t w, h;
};

class Headers : public data::ImageSource {
 public:
  explicit Headers(const std::vector<Images>& groups) {
    for (const Images& group : groups) sizes_.insert(sizes_.end(), std::size_t(group.count), group);
  }
  data::Image image(std::size_t, const data::DecodeSettings&) const override { return {}; }
  data::ImageInfo info(std::size_t item) const override {
    if (sizes_.at(item).w < 0) fail(Exit::data, "damaged");
    return {.h = sizes_.at(item).h, .w = sizes_.at(item).w};
  }
  uint64_t fingerprint() const override { return 0; }
  std::size_t count() const { return sizes_.size(); }

 private:
  std::vector<Images> sizes_;
};

// "60x80 stretch", of a configuration with these sides and this resize.
std::string input(const std::vector<Images>& groups, int64_t width = cli::kAuto, int64_t height = cli::kAuto,
                  const std::string& resize = "auto") {
  const auto headers = std::make_shared<Headers>(groups);
  data::DataSet data;
  data.images = headers;
  data.catalog.items.resize(headers->count());
  TrainConfig config;
  config.model.width = width, config.model.height = height, config.model.resize = resize;
  choose_input(config, data);
  return std::to_string(config.model.width) + "x" + std::to_string(config.model.height) + " " + config.model.resize;
}

TEST(AutoInput, IsTheMostFrequentShape) {
  EXPECT_EQ(input({{100, 60, 80}}), "60x80 stretch");
  EXPECT_EQ(input({{100, 28, 28}}), "28x28 stretch");
  EXPECT_EQ(input({{1, 10, 400}, {2, 300, 300}}), "224x224 pad");
  EXPECT_EQ(input({{40, 100, 50}, {60, 50, 100}}), "50x100 pad");
  EXPECT_EQ(input({{3, 50, 50}, {5, 100, 100}, {4, 200, 200}}), "100x100 stretch") << "the median";
  EXPECT_EQ(input({{2, -1, -1}, {1, 0, 0}, {3, 40, 50}}), "40x50 stretch") << "those that tell their size";
  EXPECT_EQ(input({{2, -1, -1}}), "224x224 stretch");
}

TEST(AutoInput, HasAboutTheAreaOfImageNetAtMost) {
  EXPECT_EQ(input({{10, 224, 224}}), "224x224 stretch");
  EXPECT_EQ(input({{10, 1000, 1000}}), "224x224 stretch");
  EXPECT_EQ(input({{10, 400, 533}}), "192x256 stretch");
  EXPECT_EQ(input({{10, 533, 400}}), "256x192 stretch");
  EXPECT_EQ(input({{10, 100, 500}}), "100x500 stretch") << "50,000 pixels";
  EXPECT_EQ(input({{10, 101, 500}}), "96x512 stretch") << "50,500: more than 50,176";
  EXPECT_EQ(input({{10, 9000, 20}}), "1024x32 stretch") << "no side is below 32 or beyond the largest";
  EXPECT_EQ(input({{10, 10, 12}}), "16x16 stretch");
}

TEST(AutoInput, OneShapeIsNinetyFivePercentWithinATenth) {
  EXPECT_EQ(input({{95, 100, 100}, {5, 100, 50}}), "100x100 stretch");
  EXPECT_EQ(input({{94, 100, 100}, {6, 100, 50}}), "100x100 pad");
  EXPECT_EQ(input({{60, 100, 100}, {40, 109, 100}}), "100x100 stretch");
  EXPECT_EQ(input({{60, 100, 100}, {40, 112, 100}}), "100x100 pad");
}

TEST(AutoInput, WhatIsGivenStays) {
  EXPECT_EQ(input({{10, 60, 80}}, 224, 224, "crop"), "224x224 crop");
  EXPECT_EQ(input({{10, 60, 80}}, 120), "120x160 stretch");
  EXPECT_EQ(input({{10, 60, 80}}, cli::kAuto, 40), "30x40 stretch");
  EXPECT_EQ(input({{10, 60, 80}}, cli::kAuto, cli::kAuto, "crop"), "60x80 crop");
}

// 500 of 10,000, evenly spaced: those at the end count as those at the beginning.
TEST(AutoInput, LooksAtImagesOfTheWholeSet) {
  EXPECT_EQ(input({{4000, 50, 100}, {6000, 100, 50}}), "100x50 pad");
  EXPECT_EQ(input({{6000, 50, 100}, {4000, 100, 50}}), "50x100 pad");
}

struct Step {
  int64_t images, accumulate;
  const char *optimizer, *weights;
  int64_t batch;
  double lr;
};

TEST(AutoStep, BatchAndRate) {
  for (const Step& want :
       {Step{40'000, 1, "sgd", "", 64, 0.05}, Step{1280, 1, "sgd", "", 64, 0.05}, Step{1279, 1, "sgd", "", 32, 0.025},
        Step{640, 1, "sgd", "", 32, 0.025}, Step{639, 1, "sgd", "", 16, 0.013}, Step{20, 1, "sgd", "", 8, 0.0063},
        Step{5, 1, "sgd", "", 5, 0.0039}, Step{1280, 2, "sgd", "", 32, 0.05}, Step{3, 4, "sgd", "", 2, 0.0063},
        Step{1280, 1, "sgd", "resnet18", 64, 0.02}, Step{640, 1, "adamw", "", 32, 0.00071},
        Step{1280, 1, "adamw", "x.pth", 64, 0.0003}}) {
    TrainConfig config;
    config.train.accumulate = want.accumulate, config.train.optimizer = want.optimizer;
    config.model.weights = want.weights;
    choose_step(config, want.images);
    EXPECT_EQ(config.train.batch, want.batch) << want.images << want.optimizer << want.weights;
    EXPECT_DOUBLE_EQ(config.train.lr, want.lr) << want.images << want.optimizer << want.weights;
  }
}

TEST(AutoStep, WhatIsGivenStays) {
  TrainConfig config;
  config.model.weights = "";
  config.train.batch = 128;
  choose_step(config, 40);
  EXPECT_EQ(config.train.batch, 128) << "the trainer refuses it";
  EXPECT_DOUBLE_EQ(config.train.lr, 0.1);
  config.train.batch = cli::kAuto, config.train.lr = 0;
  choose_step(config, 40'000);
  EXPECT_EQ(config.train.batch, 64);
  EXPECT_EQ(config.train.lr, 0);
}

class AutoWeights : public testing::Test {
 protected:
  void SetUp() override { ::setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }
  void TearDown() override { ::unsetenv("XDG_CACHE_HOME"); }
  std::string chosen(const std::string& architecture) {
    TrainConfig config;
    config.model.architecture = architecture;
    choose_weights(config);
    return config.model.weights;
  }
  test::TemporaryFolder folder_;
};

TEST_F(AutoWeights, AreThoseThatWereFetched) {
  EXPECT_EQ(chosen("resnet18"), "") << "random";
  std::filesystem::create_directories(folder_ / "pc");
  write_file_atomically(folder_ / "pc/resnet18.safetensors", "x");
  EXPECT_EQ(chosen("resnet18"), "resnet18");
  EXPECT_EQ(chosen("resnet34"), "");
  EXPECT_EQ(chosen("smallcnn"), "") << "there are none";
  TrainConfig config;
  config.model.weights = "";
  choose_weights(config);
  EXPECT_EQ(config.model.weights, "");
}

TEST_F(AutoWeights, AreFoundByNameOrAreAFile) {
  TrainConfig config;
  config.model.weights = "resnet50";
  EXPECT_EQ(weights_file(config), folder_ / "pc/resnet50.safetensors");
  config.model.weights = "fashion-product-images-small";
  EXPECT_EQ(weights_file(config), "fashion-product-images-small") << "a name, but not of weights";
  config.model.weights = "mine/resnet18.pth";
  EXPECT_EQ(weights_file(config), "mine/resnet18.pth");
}

}  // namespace
}  // namespace pc::runs
