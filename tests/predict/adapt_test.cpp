// Test-time augmentation and re-estimated batch-norm statistics against what they are defined as.
#include "tools/predict/adapt.h"

#include <cmath>

#include "engine/ops.h"
#include "kernels/base/error.h"
#include "tests/predict/fixture.h"

namespace pc::predict {
namespace {

using test::make_picture;

// The part of a tensor that belongs to view v.
Tensor view_of(const Tensor& x, std::size_t v) {
  Shape shape = x.shape();
  const std::size_t all = std::size_t(std::exchange(shape[0], 1)), each = x.to_vector<float>().size() / all;
  const std::vector<float> values = x.to_vector<float>();
  const auto begin = values.begin() + std::ptrdiff_t(v * each);
  return Tensor::from(shape, std::vector<float>(begin, begin + std::ptrdiff_t(each)));
}

TEST(Views, LogitsAreTheMeanOfFourViews) {
  Predictor plain(test::tiny_model(), {}), views(test::tiny_model(), {.views = true});
  const data::Image image = make_picture(4);
  const Tensor four = views.prepare(image), one = plain.prepare(image);
  ASSERT_EQ(four.dim(0), 4);
  EXPECT_EQ(view_of(four, 0).to_vector<float>(), one.to_vector<float>());
  const std::vector<float> upright = one.to_vector<float>(), mirrored = view_of(four, 1).to_vector<float>();
  for (std::size_t x = 0; x < 32; ++x) EXPECT_NEAR(mirrored[3 * x], upright[3 * (31 - x)], 1e-5);
  EXPECT_NE(view_of(four, 2).to_vector<float>(), upright);
  EXPECT_NE(view_of(four, 3).to_vector<float>(), view_of(four, 2).to_vector<float>());

  const std::vector<Logits> got = views.predict({four, views.prepare(make_picture(5))});
  ASSERT_EQ(got.size(), 2u);
  for (std::size_t h = 0; h < 2; ++h)
    for (std::size_t c = 0; c < 3; ++c) {
      double mean = 0;
      for (std::size_t v = 0; v < 4; ++v) mean += plain.predict({view_of(four, v)}).front()[h][c] / 4;
      EXPECT_NEAR(got[0][h][c], mean, 1e-4 * (1 + std::fabs(mean)));
    }
}

// The statistics of the first batch norm, and its filter.
struct Stem {
  Tensor weight;
  std::vector<float> mean, variance;
};
Stem stem_of(Classifier& model) {
  Stem stem;
  model.visit("", [&](const std::string& name, Var& value, Role) {
    if (name == "conv1.weight") stem.weight = value.value();
    if (name == "bn1.running_mean") stem.mean = value.value().to_vector<float>();
    if (name == "bn1.running_var") stem.variance = value.value().to_vector<float>();
  });
  return stem;
}

constexpr int kPictures = 6;
data::Image picture(std::size_t i) { return make_picture(int(i)); }

// Mean and variance of what the first convolution makes of all pictures.
Stem expected_stem(Predictor& predictor) {
  const NoGrad no_grad;
  Stem stem = stem_of(predictor.model());
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < kPictures; ++i) inputs.push_back(predictor.prepare(picture(i)));
  const Tensor y = conv2d(Var(stacked(inputs)), Var(stem.weight), {.stride = 2, .pad = 3}).value();
  const std::vector<float> values = y.to_vector<float>();
  const std::size_t channels = std::size_t(y.dim(3)), rows = values.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (std::size_t r = 0; r < rows; ++r)
      sum += values[r * channels + c], squares += double(values[r * channels + c]) * values[r * channels + c];
    stem.mean[c] = float(sum / double(rows));
    stem.variance[c] = float(squares / double(rows) - sum / double(rows) * sum / double(rows));
  }
  return stem;
}

TEST(NormAdapter, MixesTheStatisticsOfThePictures) {
  for (const int batch : {kPictures, 3}) {  // the same, however they are cut into batches
    Predictor predictor(test::tiny_model(), {.adaptable = true});
    const Stem trained = stem_of(predictor.model()), pictures = expected_stem(predictor);
    NormAdapter adapter(predictor);
    adapter.adapt(kPictures, picture, batch);
    const Stem got = stem_of(predictor.model());
    const double share = double(kPictures) / (kSourcePictures + kPictures);
    for (std::size_t c = 0; c < got.mean.size(); ++c) {
      EXPECT_NEAR(got.mean[c], (1 - share) * trained.mean[c] + share * pictures.mean[c], 1e-3);
      EXPECT_NEAR(got.variance[c], (1 - share) * trained.variance[c] + share * pictures.variance[c],
                  2e-3 * (1 + std::fabs(pictures.variance[c])));
    }
  }
}

TEST(NormAdapter, StartsFromTheTrainingEachTime) {
  Predictor predictor(test::tiny_model(), {.adaptable = true});
  NormAdapter adapter(predictor);
  const auto logits = [&] { return predictor.predict({predictor.prepare(picture(0))}).front(); };
  const Logits before = logits();
  adapter.adapt(kPictures, picture, 3);
  const Logits once = logits();
  EXPECT_NE(before, once);
  adapter.adapt(
      kPictures, [](std::size_t i) { return make_picture(int(i) + 50); }, 3);
  EXPECT_NE(logits(), once);
  adapter.adapt(kPictures, picture, 3);
  EXPECT_EQ(logits(), once);
}

TEST(NormAdapter, UnreadablePicturesDoNotCountAndOneIsTooFew) {
  Predictor predictor(test::tiny_model(), {.adaptable = true});
  NormAdapter adapter(predictor);
  const auto some = [](std::size_t i) {
    if (i >= 3) fail(Exit::data, "damaged");
    return picture(i);
  };
  adapter.adapt(3, picture, 8);
  const Stem three = stem_of(predictor.model());
  adapter.adapt(6, some, 8);
  const Stem readable = stem_of(predictor.model());
  for (std::size_t c = 0; c < three.mean.size(); ++c) EXPECT_NEAR(readable.mean[c], three.mean[c], 1e-5);
  EXPECT_THROW(adapter.adapt(1, picture, 8), Error);
}

}  // namespace
}  // namespace pc::predict
