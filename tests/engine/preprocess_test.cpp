// Preprocess: the rectangle that each way of fitting takes.
#include "engine/preprocess.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"

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

TEST(Preprocess, StretchTakesTheWholePicture) {
  const AugmentSample s = fitting(Resize::stretch).identity(12345, 100, 200);
  expect_crop(s, 0, 0, 200, 100);
  EXPECT_EQ(s.offset, 12345);
  EXPECT_EQ(s.h, 100);
  EXPECT_EQ(s.w, 200);
}

TEST(Preprocess, PadGrowsTheRectangleAroundTheCenter) {
  expect_crop(fitting(Resize::pad).identity(0, 80, 80), 0, -80 / 6.0f, 80,
              80 / 0.75f);                                                // too wide: bars above and below
  expect_crop(fitting(Resize::pad).identity(0, 80, 30), -15, 0, 60, 80);  // too narrow: bars left and right
}

TEST(Preprocess, CropCutsTheRectangleAroundTheCenter) {
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

TEST(Preprocess, ResizeNames) {
  for (Resize r : {Resize::stretch, Resize::pad, Resize::crop}) EXPECT_EQ(resize_from_name(name_of(r)), r);
  EXPECT_THROW(resize_from_name("fit"), Error);
}

}  // namespace
}  // namespace pc
