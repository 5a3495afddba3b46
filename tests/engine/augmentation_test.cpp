// Augmentation: what training draws is a function of seed, epoch and image, stays in its bounds, and is nothing at zero
// strength.
#include "engine/augmentation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tests/engine/golden.h"

namespace pc {
namespace {

Preprocess fitting(Resize resize) { return {.height = 80, .width = 60, .resize = resize}; }

bool same(const AugmentSample& a, const AugmentSample& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

constexpr Augmentation kNothing{.flip = 0, .min_area = 1, .max_stretch = 1};

Augmentation augmentation_of(const nlohmann::json& settings) {
  const auto at = [&](const char* key, float other) { return settings.value(key, other); };
  return {.flip = at("flip", 0),
          .min_area = at("min_area", 1),
          .max_area = at("max_area", 1),
          .max_stretch = at("max_stretch", 1),
          .rotate = at("rotate", 0),
          .brightness = at("brightness", 0),
          .contrast = at("contrast", 0),
          .saturation = at("saturation", 0),
          .temperature = at("temperature", 0),
          .erase = at("erase", 0),
          .trivial = at("trivial", 0),
          .background = at("background", 0),
          .surfaces = settings.value("surfaces", 0)};
}

// make_augmentation_golden.py draws by itself, from a Philox of its own.
TEST(Draw, IsWhatAnotherProgramDraws) {
  const nlohmann::json& golden = test::augmentation_golden();
  for (const auto& row : golden["samples"]) {
    const AugmentSample s =
        draw(fitting(Resize::stretch), augmentation_of(golden["settings"][row[0].get<std::string>()]), row[1], row[2],
             row[3], 0, 50, 70);
    test::expect_sample(s, row, 4);
  }
}

TEST(DrawPairs, AreWhatAnotherProgramDraws) {
  for (const auto& row : test::augmentation_golden()["pairs"]) {
    const std::vector<MixPair> pairs =
        draw_pairs({.mixup = row[0], .cutmix = row[1]}, row[2], 80, 60, row[3], row[4], row[5]);
    ASSERT_EQ(row.size(), 6 + 5 * pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const auto want = [&](std::size_t k) { return row[6 + 5 * i + k].get<double>(); };
      EXPECT_NEAR(pairs[i].lambda, want(0), 1e-6) << row;
      EXPECT_EQ((std::vector<double>{double(pairs[i].x), double(pairs[i].y), double(pairs[i].w), double(pairs[i].h)}),
                (std::vector<double>{want(1), want(2), want(3), want(4)}))
          << row;
    }
  }
}

TEST(Draw, StaysWithinThePicture) {
  const Augmentation wild{.flip = 0.5f, .min_area = 0.1f, .max_stretch = 2};
  for (uint64_t i = 0; i < 5000; ++i) {
    const AugmentSample s = draw(fitting(Resize::stretch), wild, 7, 1, i, 0, 50, 70);
    ASSERT_GT(s.crop_w, 0);
    ASSERT_GT(s.crop_h, 0);
    ASSERT_GE(s.crop_x, 0);
    ASSERT_GE(s.crop_y, 0);
    ASSERT_LE(s.crop_x + s.crop_w, 70 + 1e-4f);
    ASSERT_LE(s.crop_y + s.crop_h, 50 + 1e-4f);
  }
}

TEST(Draw, ZeroStrengthIsTheIdentity) {
  const Preprocess p = fitting(Resize::pad);
  for (uint64_t i = 0; i < 100; ++i) EXPECT_TRUE(same(draw(p, kNothing, 7, 1, i, 9, 50, 70), p.identity(9, 50, 70)));
}

TEST(DrawPairs, SharesFollowTheBetaDistribution) {
  for (const float a : {0.2f, 0.5f, 1.0f}) {
    double sum = 0, squares = 0;
    constexpr int kPairs = 20000;
    for (const MixPair& pair : draw_pairs({.mixup = a}, 2 * kPairs, 80, 60, 5, 1, 0)) {
      ASSERT_TRUE(pair.lambda >= 0 && pair.lambda <= 1 && pair.w == 0);
      sum += double(pair.lambda), squares += double(pair.lambda) * double(pair.lambda);
    }
    const double mean = sum / kPairs;
    EXPECT_NEAR(mean, 0.5, 0.01) << a;
    EXPECT_NEAR(squares / kPairs - mean * mean, 1 / (4 * (2 * double(a) + 1)), 0.005) << a;
  }
}

TEST(DrawPairs, ExchangedRectanglesLieInsideAndCountForTheirArea) {
  double share = 0;
  for (const MixPair& pair : draw_pairs({.cutmix = 1}, 4000, 80, 60, 5, 1, 0)) {
    ASSERT_TRUE(pair.x >= 0 && pair.y >= 0 && pair.w >= 0 && pair.h >= 0 && pair.x + pair.w <= 60 &&
                pair.y + pair.h <= 80);
    ASSERT_EQ(pair.lambda, 1);
    EXPECT_FLOAT_EQ(own_share(pair, 80, 60), 1 - float(pair.w * pair.h) / 4800);
    share += double(own_share(pair, 80, 60)) / 2000;
  }
  EXPECT_GT(share, 0.5);  // what lies beyond the border is cut off
  EXPECT_LT(share, 0.75);
}

TEST(DrawPairs, BothKindsTakeTurnsAndNoneIsNothing) {
  int cut = 0;
  for (const MixPair& pair : draw_pairs({.mixup = 0.5f, .cutmix = 0.5f}, 4000, 80, 60, 5, 1, 0))
    cut += pair.lambda == 1;
  EXPECT_NEAR(cut / 2000.0, 0.5, 0.05);
  for (const MixPair& pair : draw_pairs({}, 9, 80, 60, 5, 1, 0)) EXPECT_EQ(own_share(pair, 80, 60), 1);
  EXPECT_EQ(draw_pairs({}, 9, 80, 60, 5, 1, 0).size(), 4u);
}

}  // namespace
}  // namespace pc
