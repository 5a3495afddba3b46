// The object of a catalog picture, and made-up surfaces.
#include "data/background.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "data/surface.h"
#include "tests/data/make.h"

namespace pc::test {
namespace {

// h x w of one color with rectangles of another.
struct Canvas {
  int h, w;
  std::vector<uint8_t> pixels;
  Canvas(int height, int width, uint8_t value) : h(height), w(width), pixels(std::size_t(height * width * 3), value) {}
  void fill(int top, int left, int bottom, int right, uint8_t value) {
    for (int i = top; i < bottom; ++i) std::fill_n(pixels.begin() + (i * w + left) * 3, (right - left) * 3, value);
  }
  std::vector<uint8_t> mask() const {
    std::vector<uint8_t> m(std::size_t(h * w), 77);
    mark_object(pixels.data(), h, w, m.data());
    return m;
  }
};

TEST(MarkObject, FindsADarkThingOnWhite) {
  Canvas canvas(20, 15, 250);
  canvas.fill(5, 4, 15, 11, 60);
  const auto mask = canvas.mask();
  for (int i = 0; i < 20; ++i)
    for (int j = 0; j < 15; ++j)
      EXPECT_EQ(mask[std::size_t(i * 15 + j)], i >= 5 && i < 15 && j >= 4 && j < 11 ? 255 : 0) << i << ", " << j;
}

TEST(MarkObject, WhiteInsideTheObjectIsObject) {
  Canvas canvas(20, 20, 255);
  canvas.fill(4, 4, 16, 16, 90);
  canvas.fill(7, 7, 13, 13, 255);  // a white print
  EXPECT_EQ(canvas.mask()[10 * 20 + 10], 255);
}

TEST(MarkObject, TheBrightRimIsHalf) {
  Canvas canvas(20, 20, 255);
  canvas.fill(4, 4, 16, 16, 210);
  const auto mask = canvas.mask();
  EXPECT_EQ(mask[4 * 20 + 8], 128);
  EXPECT_EQ(mask[8 * 20 + 8], 255);
}

TEST(MarkObject, APictureWithoutAWhiteBackgroundIsAllObject) {
  Canvas dark(20, 20, 120), spot(20, 20, 120);
  spot.fill(0, 0, 3, 3, 255);  // 9 of 400
  for (const Canvas& canvas : {dark, spot}) EXPECT_EQ(canvas.mask(), std::vector<uint8_t>(400, 255));
}

TEST(MarkObject, SmallestPictures) {
  EXPECT_EQ(Canvas(1, 1, 255).mask(), std::vector<uint8_t>{0});
  EXPECT_EQ(Canvas(1, 1, 0).mask(), std::vector<uint8_t>{255});
}

// A dark shirt of 10 x 10 below a face of `face` rows, on white.
Canvas worn(int face) {
  Canvas canvas(20, 14, 255);
  canvas.fill(10, 2, 20, 12, 60);
  for (int i = 10 - face; i < 10; ++i)
    for (int j = 2; j < 12; ++j) {
      uint8_t* pixel = canvas.pixels.data() + (i * 14 + j) * 3;
      pixel[0] = 210, pixel[1] = 150, pixel[2] = 120;
    }
  return canvas;
}

TEST(UnmarkSkin, TakesTheWearerOutOfTheObject) {
  const Canvas canvas = worn(4);
  auto mask = canvas.mask();
  EXPECT_EQ(mask[8 * 14 + 5], 255);
  unmark_skin(canvas.pixels.data(), canvas.h, canvas.w, mask.data());
  EXPECT_EQ(mask[8 * 14 + 5], 0);
  EXPECT_EQ(mask[15 * 14 + 5], 255);
}

TEST(UnmarkSkin, AThingOfThatColorStays) {
  for (const int face : {0, 9}) {
    const Canvas canvas = worn(face);
    const auto before = canvas.mask();
    auto mask = before;
    unmark_skin(canvas.pixels.data(), canvas.h, canvas.w, mask.data());
    EXPECT_EQ(mask, before) << face;
  }
}

TEST(Surface, IsAFunctionOfSeedNumberAndSize) {
  EXPECT_EQ(make_surface(80, 60, 1, 2).pixels, make_surface(80, 60, 1, 2).pixels);
  std::set<std::string> different;
  for (uint64_t seed : {1, 2})
    for (uint64_t number = 0; number < 50; ++number) {
      const Image image = make_surface(16, 12, seed, number);
      different.emplace(image.pixels.begin(), image.pixels.end());
    }
  EXPECT_EQ(different.size(), 100u);
}

TEST(Surface, HasTheSizeAskedForAndIsNotWhite) {
  double sum = 0;
  for (uint64_t number = 0; number < 40; ++number) {
    const Image image = make_surface(40, 30, 3, number);
    ASSERT_EQ(image.pixels.size(), 40u * 30 * 3);
    for (const uint8_t v : image.pixels) sum += v;
  }
  const double mean = sum / (40 * 40 * 30 * 3);
  EXPECT_GT(mean, 50);
  EXPECT_LT(mean, 200);
}

}  // namespace
}  // namespace pc::test
