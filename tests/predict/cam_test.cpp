// Class activation maps: sums in f64 by hand, the logit they add up to, and where their color goes.
#include "tools/predict/cam.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/base/random.h"
#include "models/classifier.h"

namespace pc::predict {
namespace {

constexpr MapInput kAnyInput{.grid = {}, .height = 64, .width = 48};

// Heat whose cells divide the image evenly.
Heat even(int h, int w, std::vector<float> values) {
  return {.h = h,
          .w = w,
          .values = std::move(values),
          .down = {.first = 0.5 / h, .step = 1.0 / h},
          .across = {.first = 0.5 / w, .step = 1.0 / w}};
}

Tensor noise(const Shape& shape, uint64_t seed) {
  Tensor t(shape, DType::f32, Device::cpu);
  for (int64_t i = 0; i < t.size(); ++i) t.as<float>()[i] = 2 * uniform(philox(seed, 0, uint64_t(i)).word[0]) - 1;
  return t;
}

TEST(Cam, IsTheWeightedSumOfTheFeatures) {
  constexpr int64_t n = 2, h = 3, w = 2, c = 5, classes = 4;
  const Tensor features = noise({n, h, w, c}, 1), weight = noise({classes, c}, 2);
  for (int64_t row = 0; row < n; ++row)
    for (int label = 0; label < classes; ++label) {
      const Heat heat = class_activation(features, row, weight, label, kAnyInput);
      ASSERT_EQ(heat.values.size(), std::size_t(h * w));
      for (int64_t y = 0; y < h; ++y)
        for (int64_t x = 0; x < w; ++x) {
          double sum = 0;
          for (int64_t i = 0; i < c; ++i)
            sum += double(features.as<float>()[((row * h + y) * w + x) * c + i]) *
                   double(weight.as<float>()[label * c + i]);
          EXPECT_EQ(heat.values[std::size_t(y * w + x)], float(sum));
        }
    }
  EXPECT_ANY_THROW(class_activation(features, 2, weight, 0, kAnyInput));
  EXPECT_ANY_THROW(class_activation(features, 0, weight, classes, kAnyInput));
}

// The mean over the places, plus the bias, is the logit: the map explains all of it.
void expect_sums_to_logits(const std::string& architecture) {
  const std::vector<HeadShape> heads{{"a", 4}, {"b", 3}};
  const auto model = make_classifier(architecture, heads, 3);
  std::vector<std::vector<float>> bias(2);
  model->visit("", [&](const std::string& name, Var& value, Role) {
    if (name == "heads.a.bias") bias[0] = value.value().to_vector<float>();
    if (name == "heads.b.bias") bias[1] = value.value().to_vector<float>();
  });
  const Var x(noise({2, 64, 48, 3}, 4));
  const Tensor features = model->features(x, Mode::infer).value();
  const std::vector<Var> logits = model->forward(x, Mode::infer);
  for (std::size_t head = 0; head < 2; ++head)
    for (int64_t row = 0; row < 2; ++row)
      for (int label = 0; label < heads[head].classes; ++label) {
        const Heat heat = class_activation(features, row, model->head_weight(head), label, kAnyInput);
        const double mean = std::accumulate(heat.values.begin(), heat.values.end(), 0.0) / double(heat.values.size());
        const float logit = logits[head].value().to_vector<float>()[std::size_t(row * heads[head].classes + label)];
        EXPECT_NEAR(mean + double(bias[head][std::size_t(label)]), logit, 1e-4 * (1 + std::abs(logit)));
      }
}
TEST(Cam, SumsToTheLogitOfAResNet) { expect_sums_to_logits("resnet18"); }
TEST(Cam, SumsToTheLogitOfASmallCnn) { expect_sums_to_logits("smallcnn"); }

TEST(Cam, FeaturesAreWhatTheHeadsSee) {
  const auto model = make_classifier("smallcnn", {{"a", 4}}, 3);
  const Var x(noise({2, 28, 28, 3}, 5));
  EXPECT_EQ(model->features(x, Mode::eval).shape(), (Shape{2, 7, 7, model->head_weight(0).dim(1)}));
  Var mean = global_avg_pool(model->features(x, Mode::train));
  EXPECT_TRUE(mean.requires_grad()) << "training reaches through it";
  EXPECT_FALSE(model->features(x, Mode::infer).requires_grad());
}

TEST(Cam, EnlargesBetweenTheCentersOfCells) {
  const Heat heat = even(1, 2, {0, 1});
  EXPECT_EQ(enlarged(heat, 1, 2), heat.values);
  EXPECT_EQ(enlarged(heat, 2, 4), (std::vector<float>{0, 0.25f, 0.75f, 1, 0, 0.25f, 0.75f, 1}));
  // As a ResNet places its cells: on pixels 0 and 32 of 64.
  const Cells cells = cells_on({.stride = 32, .offset = 0}, 64);
  const std::vector<float> large = enlarged({.h = 1, .w = 2, .values = {0, 1}, .down = {}, .across = cells}, 1, 64);
  EXPECT_NEAR(large[0], 0, 1e-6);
  EXPECT_NEAR(large[16], 0.5, 1e-6);
  EXPECT_NEAR(large[32], 1, 1e-6);
  EXPECT_NEAR(large[63], 1, 1e-6);
}

// Images of 224x160 with one bright spot each, anywhere, and with `mirrored` their mirror images.
Tensor spots(bool mirrored) {
  constexpr int n = 8, h = 160, w = 224, radius = 20;
  Tensor x = Tensor::zeros({n, h, w, 3}, DType::f32, Device::cpu);
  for (int i = 0; i < n; ++i) {
    const Philox random = philox(7, 0, uint64_t(i));
    const int at_y = int(random.word[0] % h), at_x = int(random.word[1] % (w / 2));  // on the left half
    for (int y = 0; y < h; ++y)
      for (int left = 0; left < w; ++left) {
        const bool bright = std::hypot(y - at_y, left - at_x) < radius;
        const int column = mirrored ? w - 1 - left : left;
        for (int c = 0; c < 3; ++c) x.as<float>()[((i * h + y) * w + column) * 3 + c] = bright ? 2.0f : 0.0f;
      }
  }
  return x;
}

// The column around which the mean heat of the images lies.
double center_of_heat(Classifier& model, const Tensor& x, const Tensor& weight) {
  const Tensor features = model.features(Var(x), Mode::infer).value();
  const int h = int(x.dim(1)), w = int(x.dim(2));
  std::vector<double> columns(static_cast<std::size_t>(w));
  for (int64_t row = 0; row < x.dim(0); ++row) {
    const Heat heat = class_activation(features, row, weight, 0, {model.map_grid(), h, w});
    const std::vector<float> large = enlarged(heat, h, w);
    for (std::size_t i = 0; i < large.size(); ++i) columns[i % columns.size()] += double(large[i]);
  }
  const double least = *std::min_element(columns.begin(), columns.end());
  double sum = 0, moment = 0;
  for (std::size_t i = 0; i < columns.size(); ++i)
    sum += columns[i] - least, moment += double(i) * (columns[i] - least);
  return moment / sum;
}

// A network of random weights has no side that it prefers, so a displaced map shows: the two centers lie around another
// middle than the images'.
void expect_mirrored_heat(const std::string& architecture) {
  double middle = 0;
  constexpr int kNetworks = 2;
  for (uint64_t seed = 1; seed <= kNetworks; ++seed) {
    const auto model = make_classifier(architecture, {{"a", 2}}, seed);
    const Tensor weight = Tensor::full({2, model->head_weight(0).dim(1)}, 1, Device::cpu);
    const double left = center_of_heat(*model, spots(false), weight),
                 right = center_of_heat(*model, spots(true), weight);
    EXPECT_LT(left, 100) << architecture;
    EXPECT_GT(right, 124) << architecture;
    middle += (left + right) / 2 / kNetworks;
  }
  EXPECT_NEAR(middle, 223 / 2.0, 4) << architecture;
}
TEST(Cam, MirrorsWithTheImageOfAResNet18) { expect_mirrored_heat("resnet18"); }
TEST(Cam, MirrorsWithTheImageOfAResNet50) { expect_mirrored_heat("resnet50"); }
TEST(Cam, MirrorsWithTheImageOfASmallCnn) { expect_mirrored_heat("smallcnn"); }

TEST(Cam, NetworkViewUndoesTheNormalization) {
  const Preprocess preprocess{.height = 1, .width = 2};
  const std::vector<uint8_t> pixels{0, 127, 255, 3, 200, 77};
  for (const int64_t channels : {3, 8}) {  // as the CPU takes pictures, and as a GPU does
    const Tensor x = Tensor::zeros({2, 1, 2, channels}, DType::f32, Device::cpu);
    for (int64_t i = 0; i < 6; ++i)
      x.as<float>()[(2 + i / 3) * channels + i % 3] =
          (float(pixels[std::size_t(i)]) / 255 - preprocess.mean[std::size_t(i) % 3]) /
          preprocess.std[std::size_t(i) % 3];
    EXPECT_EQ(network_view(x, 1, preprocess).pixels, pixels);
  }
}

TEST(Cam, PaintsTheEvidenceAndLeavesTheRestGray) {
  data::Image white{.h = 1, .w = 2, .pixels = std::vector<uint8_t>(6, 255)};
  const data::Image painted = overlay(white, even(1, 2, {-3, 2}));
  EXPECT_EQ((std::vector<uint8_t>(painted.pixels.begin(), painted.pixels.begin() + 3)),
            (std::vector<uint8_t>{255, 255, 255}));
  EXPECT_GT(painted.pixels[3], painted.pixels[4] + 100) << "red";
  EXPECT_EQ(overlay(white, even(1, 1, {-1})).pixels, white.pixels) << "nothing speaks for the class";
}

}  // namespace
}  // namespace pc::predict
