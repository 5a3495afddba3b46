// What a picture file says of itself before a pixel is decoded: format, color mode and size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "data/image_format.h"

namespace pc {

enum class PictureMode : uint8_t {
  unknown,
  gray,
  rgb,
  cmyk,
  palette,
  alpha
};                                      // alpha: RGBA, gray with alpha, or a transparent color
const char* name_of(PictureMode mode);  // "grayscale", "RGB", …

struct PictureInfo {
  ImageFormat format = ImageFormat::unknown;
  PictureMode mode = PictureMode::unknown;
  int64_t h = 0, w = 0;  // upright, as the EXIF block asks for; 0 x 0 where the header does not tell
};

// Never fails: what a broken or strange file does not tell stays unknown. Says nothing of the pixels.
PictureInfo picture_info(std::span<const std::byte> bytes);

}  // namespace pc
