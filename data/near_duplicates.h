// Near-identical images: copies of one photo that were saved again or scaled, and photos of one product in the same
// pose.
//
// Candidates share most bits of a 64-bit perceptual hash: the gray image's DCT at the frequencies 1 … 8 in both
// directions, one bit each for "above the median of the 64" (pHash: C. Zauner, "Implementation and Benchmarking of
// Perceptual Image Hash Functions", 2010). The transform is taken of the image at its own size, so none is resized
// first. Pairs within a few bits are found without comparing all with all: if two hashes differ in d bits, one of their
// d + 1 pieces is equal (M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing",
// 2012).
//
// The hash alone would throw white products on white into one group, and a shirt together with its other colors. A
// candidate counts only when the images, resized to 16x16 RGB, agree: 1 - Lin's concordance coefficient of all their
// values is small.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "data/groups.h"
#include "data/store.h"

namespace pc {

struct Signature {
  static constexpr int kSide = 16;
  uint64_t hash = 0;
  std::array<uint8_t, kSide * kSide * 3> thumb{};  // kSide x kSide x RGB, means of the pixels below each cell
  bool valid = false;                              // false: there is no image, and it matches no other
};

// Of h x w x 3 pixels; not valid if h or w is 0.
Signature signature_of(const uint8_t* pixels, int h, int w);

// One per image of the store, on all threads; `progress` is called from this thread.
std::vector<Signature> signatures_of(const ImageStore& store, const PackProgress& progress = {});

// 1 - Lin's concordance coefficient: sum (a - b)^2 over the sum of both variances and the squared difference of the
// means, each times the number of values. 0: equal; about 1: unrelated; 2: opposite.
double difference_of(const Signature& a, const Signature& b);

struct NearDuplicateSettings {
  // Of the hashes, 0 … 15. Among the first 10,000 images of the Kaggle set 154 of the 155 pairs that the pixels call
  // near are within 4 bits; 10 bits take 25 times as long.
  int max_bits = 4;
  // Of the images. Up to 0.002 they are one photo or two of one product; up to 0.005 a product in two colors joins
  // in; beyond, other products in the same pose (looked at on the Kaggle set).
  double max_difference = 0.002;
};

// A group is what chains of near pairs connect. Depends on the signatures alone, not on threads.
ItemGroups near_duplicate_groups(const std::vector<Signature>& signatures, const NearDuplicateSettings& settings = {});

}  // namespace pc
