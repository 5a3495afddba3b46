// Preprocess: the rectangle that each way of fitting takes, and the crops that training draws.
#include "engine/augmentation.h"

#include <gtest/gtest.h>

#include "kernels/runtime/error.h"

namespace pc {
namespace {

Preprocess fitting(Resize resize) { return {.height = 80, .width = 60, .resize = resize}; }

void expect_crop(const AugmentSample& s, float x, float y, float w, float h) {
  EXPECT_FLOAT_EQ(s.crop_x, x);
  EXPECT_FLOAT_EQ(s.crop_y, y);
  EXPECT_FLOAT_EQ(s.crop_w, w);
  EXPECT_FLOAT_EQ(s.crop_h, h);
  EXPECT_EQ(s.flip, 0);
}

bool same(const AugmentSample& a, const AugmentSample& b) {
  return a.offset == b.offset && a.h == b.h && a.w == b.w && a.crop_x == b.crop_x && a.crop_y == b.crop_y &&
         a.crop_w == b.crop_w && a.crop_h == b.crop_h && a.flip == b.flip;
}

TEST(Preprocess, StretchTakesTheWholePicture) {
  const AugmentSample s = fitting(Resize::stretch).identity(12345, 100, 200);
  expect_crop(s, 0, 0, 200, 100);
  EXPECT_EQ(s.offset, 12345);
  EXPECT_EQ(s.h, 100);
  EXPECT_EQ(s.w, 200);
}

TEST(Preprocess, PadGrowsTheRectangleAroundTheCentre) {
  expect_crop(fitting(Resize::pad).identity(0, 80, 80), 0, -80 / 6.0f, 80,
              80 / 0.75f);                                                // too wide: bars above and below
  expect_crop(fitting(Resize::pad).identity(0, 80, 30), -15, 0, 60, 80);  // too narrow: bars left and right
}

TEST(Preprocess, CropCutsTheRectangleAroundTheCentre) {
  expect_crop(fitting(Resize::crop).identity(0, 80, 80), 10, 0, 60, 80);
  expect_crop(fitting(Resize::crop).identity(0, 80, 30), 0, 20, 30, 40);
}

TEST(Preprocess, AFittingPictureIsTheSameEveryWay) {
  for (Resize r : {Resize::stretch, Resize::pad, Resize::crop})
    expect_crop(fitting(r).identity(0, 160, 120), 0, 0, 120, 160);
}

TEST(Preprocess, TheShapeCarriesTheRecipe) {
  Preprocess p{.height = 7, .width = 9, .mean = {0.1f, 0.2f, 0.3f}, .std = {0.4f, 0.5f, 0.6f}, .fill = {1, 2, 3}};
  const AugmentShape shape = p.shape();
  EXPECT_EQ(shape.out_h, 7);
  EXPECT_EQ(shape.out_w, 9);
  EXPECT_EQ(shape.mean[2], 0.3f);
  EXPECT_EQ(shape.std[0], 0.4f);
  EXPECT_EQ(shape.fill[1], 2);
}

TEST(Draw, IsAFunctionOfSeedEpochAndIndex) {
  const Preprocess p = fitting(Resize::stretch);
  const auto at = [&](uint64_t seed, uint64_t epoch, uint64_t index) {
    return draw(p, {}, seed, epoch, index, 0, 80, 60);
  };
  EXPECT_TRUE(same(at(1, 2, 3), at(1, 2, 3)));
  EXPECT_FALSE(same(at(1, 2, 3), at(2, 2, 3)));
  EXPECT_FALSE(same(at(1, 2, 3), at(1, 3, 3)));
  EXPECT_FALSE(same(at(1, 2, 3), at(1, 2, 4)));
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
  for (uint64_t i = 0; i < 100; ++i)
    EXPECT_TRUE(same(draw(p, {.flip = 0, .min_area = 1, .max_stretch = 1}, 7, 1, i, 9, 50, 70), p.identity(9, 50, 70)));
}

TEST(Draw, FlipsAsOftenAsAskedAndKeepsTheArea) {
  const Augmentation crop{.flip = 0.25f, .min_area = 0.5f, .max_stretch = 1};
  int flips = 0;
  double area = 0, least = 1;
  for (uint64_t i = 0; i < 4000; ++i) {
    const AugmentSample s = draw(fitting(Resize::stretch), crop, 3, 0, i, 0, 80, 60);
    flips += s.flip;
    area += double(s.crop_w) * s.crop_h / 4800;
    least = std::min(least, double(s.crop_w) * s.crop_h / 4800);
  }
  EXPECT_NEAR(flips / 4000.0, 0.25, 0.03);
  EXPECT_NEAR(area / 4000, 0.75, 0.02);
  EXPECT_GE(least, 0.4999);
}

TEST(Preprocess, ResizeNames) {
  for (Resize r : {Resize::stretch, Resize::pad, Resize::crop}) EXPECT_EQ(resize_from_name(name_of(r)), r);
  EXPECT_THROW(resize_from_name("fit"), Error);
}

}  // namespace
}  // namespace pc
