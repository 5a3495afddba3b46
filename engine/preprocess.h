// Preprocess: from a picture of any size to the network's input. One recipe, carried by the model file, serves training, evaluation,
// prediction and the server; training draws its changes around it (engine/augmentation.h).
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
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f},
      std{0.229f, 0.224f, 0.225f};  // of values in 0..1, as ImageNet models expect
  std::array<uint8_t, 3> fill{255, 255, 255};
  AugmentShape shape() const;
  // The sample of a whole h x w picture whose pixels begin at `offset`.
  AugmentSample identity(int64_t offset, int h, int w) const;
};

}  // namespace pc
