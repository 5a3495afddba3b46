// Near duplicates: what must be found, what must not, and that the search misses no pair the definition names.
#include "data/near_duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "data/decode.h"
#include "data/jpeg.h"
#include "kernels/base/parallel.h"
#include "kernels/base/random.h"
#include "tools/dataset/drawing.h"

namespace pc::dataset {
namespace {

data::Signature signature(const data::Image& image) {
  return data::signature_of(image.pixels.data(), image.h, image.w);
}

data::Image product(uint64_t number, std::size_t paint = 1) {
  return draw_product(number % products().size(), paint, 80, 60, 7, number);
}

data::Image saved_again(const data::Image& image, int quality) {
  return data::decode_image(encode_jpeg(image, {.quality = quality}), "again");
}

std::vector<data::Signature> catalog(uint64_t count) {
  std::vector<data::Signature> all;
  for (uint64_t i = 0; i < count; ++i) all.push_back(signature(product(i, i / 8 % 8)));
  return all;
}

using Groups = std::vector<std::vector<uint32_t>>;

TEST(NearDuplicates, FindsAPictureSavedAgain) {
  std::vector<data::Signature> all = catalog(200);
  for (const int quality : {90, 60, 40}) all.push_back(signature(saved_again(product(17, 2), quality)));
  EXPECT_EQ(data::near_duplicate_groups(all), (Groups{{17, 200, 201, 202}}));
}

TEST(NearDuplicates, FindsOneOfAnotherSize) {
  const std::vector<data::Signature> all = {signature(draw_product(0, 1, 160, 120, 7, 3)),
                                            signature(draw_product(0, 1, 80, 60, 7, 3)),
                                            signature(draw_product(1, 1, 80, 60, 7, 4))};
  EXPECT_EQ(data::near_duplicate_groups(all), (Groups{{0, 1}}));
}

TEST(NearDuplicates, FindsAVeryLargeOne) {
  const data::Signature large = signature(draw_product(2, 1, 1600, 1200, 7, 3)),
                        small = signature(draw_product(2, 1, 80, 60, 7, 3));
  EXPECT_LE(std::popcount(large.hash ^ small.hash), 4);
  EXPECT_LT(data::difference_of(large, small), 0.002);
  const data::Image line{.h = 1, .w = 2'000'000, .pixels = std::vector<uint8_t>(6'000'000, 7)};
  EXPECT_TRUE(signature(line).valid);
}

TEST(NearDuplicates, ProductsOnWhiteStayApart) {
  EXPECT_EQ(data::near_duplicate_groups(catalog(400), {.max_bits = 10}), Groups{});
}

TEST(NearDuplicates, AnotherColorIsAnotherPicture) {
  const data::Signature red = signature(product(9, 6)), blue = signature(product(9, 1));
  EXPECT_LE(std::popcount(red.hash ^ blue.hash), 10) << "the gray images are alike";
  EXPECT_GT(data::difference_of(red, blue), 0.05);
}

TEST(NearDuplicates, DifferenceIsOneMinusConcordance) {
  data::Signature a, b;
  EXPECT_EQ(data::difference_of(a, b), 0) << "two black images";
  for (std::size_t i = 0; i < a.thumb.size(); ++i) a.thumb[i] = i % 2 ? 200 : 100, b.thumb[i] = i % 2 ? 100 : 200;
  EXPECT_DOUBLE_EQ(data::difference_of(a, b), 2) << "opposite";
  for (std::size_t i = 0; i < a.thumb.size(); ++i) b.thumb[i] = i % 2 ? 210 : 110;
  // Variances 2500 each, means 10 apart: 10^2 / (2500 + 2500 + 10^2).
  EXPECT_DOUBLE_EQ(data::difference_of(a, b), 100.0 / 5100);
}

TEST(NearDuplicates, ThousandsOfPlaceholdersAreOneGroup) {
  const std::vector<data::Signature> all(50'000, signature(product(1)));
  const Groups groups = data::near_duplicate_groups(all);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].size(), all.size());
}

TEST(NearDuplicates, NoPictureIsLikeNothing) {
  std::vector<data::Signature> all = {data::Signature{}, data::Signature{}, signature(product(1)),
                                      signature(product(1))};
  EXPECT_EQ(data::near_duplicate_groups(all), (Groups{{2, 3}}));
  EXPECT_FALSE(data::signature_of(nullptr, 0, 0).valid);
}

TEST(NearDuplicates, TinyPicturesHaveSignatures) {
  for (const auto& [h, w] : {std::pair(1, 1), {1, 40}, {40, 1}, {3, 5}, {15, 17}}) {
    const data::Image image{.h = h, .w = w, .pixels = std::vector<uint8_t>(std::size_t(h * w * 3), 90)};
    const data::Signature s = signature(image);
    EXPECT_TRUE(s.valid);
    EXPECT_TRUE(std::all_of(s.thumb.begin(), s.thumb.end(), [](uint8_t v) { return v == 90; })) << h << "x" << w;
  }
}

// Hashes in clusters a few bits wide, thumbnails that agree within a cluster of clusters only: the search against all
// pairs.
TEST(NearDuplicates, MissesNoPair) {
  std::vector<data::Signature> all;
  for (uint64_t i = 0; i < 600; ++i) {
    const Philox center = philox(1, i / 12, 0), flips = philox(2, i, 0);
    data::Signature s{.hash = uint64_t(center.word[0]) << 32 | center.word[1], .valid = true};
    for (int f = 0; f < int(flips.word[3] % 6); ++f) s.hash ^= uint64_t(1) << (flips.word[0] >> (6 * f) & 63);
    for (std::size_t k = 0; k < s.thumb.size(); ++k)
      s.thumb[k] = uint8_t(philox(3, i / 24, k).word[0] & 0xf0u) | uint8_t(i % 12 == k);
    all.push_back(s);
  }
  for (const int bits : {0, 1, 4, 7, 15}) {
    const data::NearDuplicateSettings settings{.max_bits = bits, .max_difference = 0.001};
    const Groups groups = data::near_duplicate_groups(all, settings);
    std::vector<int> group_of(all.size(), -1);
    for (std::size_t g = 0; g < groups.size(); ++g)
      for (const uint32_t i : groups[g]) group_of[i] = int(g);
    std::size_t pairs = 0;
    std::vector<bool> has_partner(all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = i + 1; j < all.size(); ++j) {
        if (std::popcount(all[i].hash ^ all[j].hash) > bits ||
            data::difference_of(all[i], all[j]) > settings.max_difference)
          continue;
        ++pairs;
        has_partner[i] = has_partner[j] = true;
        EXPECT_TRUE(group_of[i] >= 0 && group_of[i] == group_of[j]) << bits << ": " << i << ", " << j;
      }
    EXPECT_GT(pairs, bits ? 100u : 0u);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(has_partner[i], group_of[i] >= 0) << bits << ": " << i;
  }
}

TEST(NearDuplicates, SameGroupsWithAnyNumberOfThreads) {
  std::vector<data::Signature> all = catalog(300);
  for (uint64_t i = 0; i < 100; ++i) all.push_back(signature(saved_again(product(i, i / 8 % 8), 70)));
  set_thread_count(1);
  const Groups one = data::near_duplicate_groups(all);
  set_thread_count(4);
  const Groups four = data::near_duplicate_groups(all);
  set_thread_count(0);
  EXPECT_EQ(one, four);
  EXPECT_GT(one.size(), 60u) << "a symmetric shape has frequencies of nearly 0, whose bits are noise";
}

TEST(NearDuplicates, RefusesMoreBitsThanPieces) {
  EXPECT_THROW(data::near_duplicate_groups({}, {.max_bits = 16}), std::logic_error);
}

}  // namespace
}  // namespace pc::dataset
