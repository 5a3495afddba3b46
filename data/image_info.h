// Format, color mode and size of an image file, from its header alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/image_format.h"

namespace pc::data {

enum class ImageMode : uint8_t {
  unknown,
  gray,
  rgb,
  cmyk,
  palette,
  alpha
};                                    // alpha: RGBA, gray with alpha, or a transparent color
const char* name_of(ImageMode mode);  // "grayscale", "RGB", …

struct ImageInfo {
  ImageFormat format = ImageFormat::unknown;
  ImageMode mode = ImageMode::unknown;
  int64_t h = 0, w = 0;  // upright, as the metadata ask for; 0 x 0 if the header does not say
};

// Never fails: what a broken or unknown file does not say stays unknown. The pixels are not read.
ImageInfo image_info(std::span<const std::byte> bytes);

}  // namespace pc::data
