// Preprocess: from a picture of any size to the network's input. One recipe, carried by the model file, serves training, evaluation,
// prediction and the server; training only draws its crops and flips around it.
#pragma once

#include <array>
#include <string>

#include "kernels/augment/augment.h"

namespace pc {

// How a picture is fitted into the input: stretched, padded to its aspect ratio with the fill colour, or cut to it in the middle.
enum class Resize { stretch, pad, crop };
Resize resize_from_name(const std::string& name);  // throws Error(usage)
const char* name_of(Resize resize);

struct Preprocess {
  int height = 80, width = 60;
  Resize resize = Resize::stretch;
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f}, std{0.229f, 0.224f, 0.225f};  // of values in 0..1, as ImageNet models expect
  std::array<uint8_t, 3> fill{255, 255, 255};
  AugmentShape shape() const;
  // The sample of a whole h x w picture whose pixels begin at `offset`.
  AugmentSample identity(int64_t offset, int h, int w) const;
};

// What training draws for each picture. Zero strength everywhere is the identity.
struct RandomCrop {
  float flip = 0.5f;        // probability of mirroring
  float min_area = 0.7f;    // the crop covers this share of the picture's area, up to all of it (random-resized-crop)
  float max_stretch = 1.2f; // the crop's aspect ratio is changed by at most this factor
};

// The sample that (seed, epoch, index) draws: the same on every device, with any number of threads, in any order.
AugmentSample draw(const Preprocess& preprocess, const RandomCrop& random, uint64_t seed, uint64_t epoch, uint64_t index,
                   int64_t offset, int h, int w);

}  // namespace pc
