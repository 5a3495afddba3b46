// Preprocess: from an image of any size to the network's input. The model file carries one Preprocess for training,
// evaluation, prediction and the server; training adds random changes (engine/augmentation.h).
#pragma once

#include <array>
#include <string>

#include "kernels/augment/augment.h"

namespace pc {

// How an image is resized to the input: stretched, padded to the input's aspect ratio with the fill color, or cropped
// to that aspect ratio at the center.
enum class Resize { stretch, pad, crop };
Resize resize_from_name(const std::string& name);  // throws Error(usage)
const char* name_of(Resize resize);

// The input sizes that training offers and that a model file may declare: every program computes within seconds.
constexpr int kMaxInputSide = 1024;

struct Preprocess {
  int height = 80, width = 60;
  Resize resize = Resize::stretch;
  std::array<float, 3> mean{0.485f, 0.456f, 0.406f},
      std{0.229f, 0.224f, 0.225f};  // of values in 0..1, as ImageNet models expect
  std::array<uint8_t, 3> fill{255, 255, 255};
  AugmentShape shape() const;
  // The sample for a whole h x w image whose pixels begin at `offset`.
  AugmentSample identity(int64_t offset, int h, int w) const;
};

}  // namespace pc
