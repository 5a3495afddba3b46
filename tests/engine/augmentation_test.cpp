// Augmentation: what training draws is a function of seed, epoch and image, stays in its bounds, and is nothing at zero
// strength.
#include "engine/augmentation.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>
#include <vector>

#include "tests/engine/golden.h"

namespace pc {
namespace {

Preprocess fitting(Resize resize) { return {.height = 80, .width = 60, .resize = resize}; }

bool same(const AugmentSample& a, const AugmentSample& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

constexpr Augmentation kNothing{.flip = 0, .min_area = 1, .max_stretch = 1};
constexpr Augmentation kWild{.flip = 0.5f,
                             .min_area = 0.3f,
                             .max_area = 2,
                             .max_stretch = 1.5f,
                             .rotate = 30,
                             .brightness = 0.4f,
                             .contrast = 0.3f,
                             .saturation = 0.5f,
                             .temperature = 0.2f,
                             .erase = 0.5f,
                             .background = 0.6f,
                             .surfaces = 10};

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

AugmentSample draw_wild(uint64_t i) { return draw(fitting(Resize::stretch), kWild, 7, 3, i, 0, 50, 70); }

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

TEST(Draw, ErasesAndReplacesAsOftenAsAskedAndInsideTheInput) {
  int erased = 0, replaced = 0;
  for (uint64_t i = 0; i < 4000; ++i) {
    const AugmentSample s = draw_wild(i);
    erased += s.erase_w > 0;
    replaced += s.background >= 0;
    ASSERT_TRUE(s.erase_x >= 0 && s.erase_y >= 0 && s.erase_x + s.erase_w <= 60 && s.erase_y + s.erase_h <= 80);
    ASSERT_TRUE(s.background == -1 || (s.background % (80 * 60 * 3) == 0 && s.background < 10 * 80 * 60 * 3));
    ASSERT_TRUE(s.background_x >= 0 && s.background_x < 60 && s.background_y >= 0 && s.background_y < 80);
  }
  EXPECT_NEAR(erased / 4000.0, 0.5, 0.03);
  EXPECT_NEAR(replaced / 4000.0, 0.6, 0.03);
}

// What distinguishes a sample from an unchanged one, in the order of TrivialAugment's operations: 0 none, 1 and 2
// shifts, 3 and 4 shears, 5 a rotation, 6 brightness, 7 saturation, 8 contrast, 9 bits, 10 inversion; and how strong
// that is.
std::pair<int, double> operation_of(const AugmentSample& s, const AugmentSample& plain) {
  const float(&t)[2][2] = s.turn, (&c)[3][4] = s.color;
  const std::pair<int, double> turn{5, std::atan2(double(t[0][1]), double(t[0][0])) * 180 / std::numbers::pi};
  std::vector<std::pair<int, double>> found;
  if (s.crop_x != plain.crop_x) found.push_back({1, double(s.crop_x - plain.crop_x)});
  if (s.crop_y != plain.crop_y) found.push_back({2, double(s.crop_y - plain.crop_y)});
  if (t[0][0] != 1)
    found.push_back(turn);
  else if (t[0][1] != 0)
    found.push_back({3, double(t[0][1])});
  else if (t[1][0] != 0)
    found.push_back({4, double(t[1][0])});
  if (c[0][3] != 0)
    found.push_back({8, double(1 - 2 * c[0][3])});
  else if (c[0][1] != 0)
    found.push_back({7, double(c[0][0] - c[1][0])});
  else if (c[0][0] != 1)
    found.push_back({6, double(c[0][0])});
  if (s.bits != 8) found.push_back({9, double(s.bits)});
  if (s.invert_from != 256) found.push_back({10, double(s.invert_from)});
  EXPECT_LE(found.size(), 1u);
  return found.empty() ? std::pair{0, 0.0} : found.front();
}

TEST(Trivial, EachOperationIsAsLikelyAndReachesTheWideRanges) {
  Augmentation a = kNothing;
  a.trivial = 1;
  constexpr int kDraws = 44000;
  const AugmentSample plain = fitting(Resize::stretch).identity(0, 160, 90);
  std::array<int, 11> count{};
  std::array<double, 11> least{}, most{};
  for (uint64_t i = 0; i < kDraws; ++i) {
    const auto [operation, strength] = operation_of(draw(fitting(Resize::stretch), a, 7, 3, i, 0, 160, 90), plain);
    const auto at = std::size_t(operation);
    least[at] = count[at] ? std::min(least[at], strength) : strength;
    most[at] = count[at]++ ? std::max(most[at], strength) : strength;
  }
  // Of the weakest 1/12 that keep all bits, and 1/512 that invert none, nothing is seen.
  const double each = kDraws / 11.0, unseen[] = {each / 12, each / 512};
  for (std::size_t i = 0; i < count.size(); ++i)
    EXPECT_NEAR(count[i], i == 0 ? each + unseen[0] + unseen[1] : i > 8 ? each - unseen[i - 9] : each, 250) << i;
  const double want[][2] = {{-48, 48},    {-64, 64},    {-0.99, 0.99}, {-0.99, 0.99}, {-135, 135},
                            {0.01, 1.99}, {0.01, 1.99}, {0.01, 1.99},  {2, 7},        {0, 255}};
  for (std::size_t i = 0; i < std::size(want); ++i) {
    const double slack = (want[i][1] - want[i][0]) / 200;
    EXPECT_TRUE(least[i + 1] >= want[i][0] - 1e-4 && least[i + 1] <= want[i][0] + slack)
        << i + 1 << " " << least[i + 1];
    EXPECT_TRUE(most[i + 1] <= want[i][1] + 1e-4 && most[i + 1] >= want[i][1] - slack) << i + 1 << " " << most[i + 1];
  }
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
