// Corruptions: the same each time, stronger with severity, never of another size, and what each is for.
#include "data/corrupt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/data/make_picture.h"

namespace pc::data {
namespace {

using test::make_picture;

double distance(const Image& a, const Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(double(a.pixels[i]) - double(b.pixels[i]));
  return sum / double(a.pixels.size());
}

double mean_of(const Image& image, std::size_t channel) {
  double sum = 0;
  for (std::size_t i = channel; i < image.pixels.size(); i += 3) sum += image.pixels[i];
  return sum / double(image.pixels.size() / 3);
}

// With a white frame, which takes a background.
Image framed(int seed, int h, int w) {
  Image picture = make_picture(seed, h, w);
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      if (std::min(std::min(y, h - 1 - y), std::min(x, w - 1 - x)) < w / 6)
        std::fill_n(&picture.pixels[std::size_t((y * w + x) * 3)], 3, uint8_t(255));
  return picture;
}

class CorruptTest : public testing::TestWithParam<Corruption> {};
INSTANTIATE_TEST_SUITE_P(All, CorruptTest, testing::ValuesIn(kCorruptions), [](const auto& test) {
  std::string name = name_of(test.param);
  std::erase(name, ' ');
  return name;
});

TEST_P(CorruptTest, IsTheSameEachTime) {
  const Image picture = framed(3, 80, 60);
  for (int severity = 1; severity <= kSeverities; ++severity)
    EXPECT_EQ(corrupt(picture, GetParam(), severity, 1, 7).pixels, corrupt(picture, GetParam(), severity, 1, 7).pixels);
}

TEST_P(CorruptTest, IsStrongerWithSeverityAndKeepsTheSize) {
  const bool turns = GetParam() == Corruption::rotation;
  for (const auto& [h, w] : {std::pair{80, 60}, {60, 80}, {7, 5}, {1, 1}, {301, 97}}) {
    const Image picture = framed(5, h, w);
    double before = 0;
    for (int severity = 1; severity <= kSeverities; ++severity) {
      const Image worse = corrupt(picture, GetParam(), severity, 1, 7);
      const bool swapped = turns && severity != 2;
      EXPECT_EQ(worse.h, swapped ? w : h);
      EXPECT_EQ(worse.w, swapped ? h : w);
      ASSERT_EQ(worse.pixels.size(), picture.pixels.size());
      if (turns || w < 60) continue;
      EXPECT_GT(distance(worse, picture), before) << name_of(GetParam()) << severity;
      before = distance(worse, picture);
    }
  }
}

TEST(Corrupt, FourQuarterTurnsAreNone) {
  const Image picture = make_picture(2, 8, 6);
  const Image half = corrupt(picture, Corruption::rotation, 2, 1, 1);
  EXPECT_EQ(corrupt(half, Corruption::rotation, 2, 1, 1).pixels, picture.pixels);
  const Image once = corrupt(picture, Corruption::rotation, 1, 1, 1);
  EXPECT_EQ(corrupt(once, Corruption::rotation, 3, 1, 1).pixels, picture.pixels);
  // Clockwise: what was at the lower left comes to the upper left.
  EXPECT_EQ(once.pixels[0], picture.pixels[std::size_t(7 * 6 * 3)]);
}

TEST(Corrupt, NoiseAndTiltDependOnSeedAndItem) {
  const Image picture = make_picture(2, 80, 60);
  EXPECT_NE(corrupt(picture, Corruption::noise, 1, 1, 1).pixels, corrupt(picture, Corruption::noise, 1, 1, 2).pixels);
  EXPECT_NE(corrupt(picture, Corruption::noise, 1, 1, 1).pixels, corrupt(picture, Corruption::noise, 1, 2, 1).pixels);
  int different = 0;
  for (uint64_t item = 0; item < 20; ++item)
    different +=
        corrupt(picture, Corruption::tilt, 3, 1, item).pixels != corrupt(picture, Corruption::tilt, 3, 1, 0).pixels;
  EXPECT_GT(different, 2);
  EXPECT_LT(different, 18);
}

TEST(Corrupt, ColorsGoWhereTheyShould) {
  const Image picture = make_picture(2, 80, 60);
  const auto mean = [&](Corruption kind, std::size_t channel) {
    return mean_of(corrupt(picture, kind, 2, 1, 1), channel);
  };
  EXPECT_LT(mean(Corruption::dark, 1), mean_of(picture, 1));
  EXPECT_GT(mean(Corruption::bright, 1), mean_of(picture, 1));
  EXPECT_GT(mean(Corruption::warm, 0), mean(Corruption::warm, 2));
  EXPECT_LT(mean(Corruption::cold, 0), mean(Corruption::cold, 2));
}

TEST(Corrupt, NoiseHasItsSigmaAndNoBias) {
  const Image gray{.h = 80, .w = 60, .pixels = std::vector<uint8_t>(std::size_t(80 * 60 * 3), 128)};
  const Image noisy = corrupt(gray, Corruption::noise, 1, 1, 1);
  double squares = 0;
  for (const uint8_t value : noisy.pixels) squares += (value - 128.0) * (value - 128.0);
  EXPECT_NEAR(std::sqrt(squares / double(noisy.pixels.size())), 10, 0.3);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(mean_of(noisy, c), 128, 0.5);
}

TEST(Corrupt, BackgroundLeavesTheObjectAndPicturesWithoutWhite) {
  const Image picture = framed(4, 80, 60), moved = corrupt(picture, Corruption::background, 3, 1, 1);
  const std::size_t middle = std::size_t((40 * 60 + 30) * 3);
  EXPECT_EQ(moved.pixels[middle], picture.pixels[middle]);
  EXPECT_NE(moved.pixels, corrupt(picture, Corruption::background, 3, 1, 2).pixels);
  EXPECT_EQ(corrupt(make_picture(4), Corruption::background, 3, 1, 1).pixels, make_picture(4).pixels);
}

// A step edge: the picture twice as large is blurred twice as wide.
TEST(Corrupt, BlurGrowsWithThePicture) {
  const auto width_of_edge = [](int side) {
    Image edge{.h = side, .w = side, .pixels = std::vector<uint8_t>(std::size_t(side * side * 3))};
    for (int y = 0; y < side; ++y)
      for (int x = side / 2; x < side; ++x)
        for (int c = 0; c < 3; ++c) edge.pixels[std::size_t((y * side + x) * 3 + c)] = 255;
    const Image soft = corrupt(edge, Corruption::blur, 2, 1, 1);
    return std::count_if(soft.pixels.begin(), soft.pixels.end(), [](uint8_t v) { return v > 40 && v < 215; }) /
           (3.0 * side);
  };
  EXPECT_NEAR(width_of_edge(320) / width_of_edge(160), 2, 0.35);
}

TEST(Corrupt, OtherSeveritiesAreAMistake) {
  EXPECT_THROW(corrupt(make_picture(1), Corruption::blur, 0, 1, 1), std::logic_error);
  EXPECT_THROW(corrupt(make_picture(1), Corruption::blur, 4, 1, 1), std::logic_error);
}

}  // namespace
}  // namespace pc::data
