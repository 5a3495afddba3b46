// Transparency, which networks do not see: the one place that composites it on white.
#pragma once

#include <cstdint>
#include <vector>

#include "data/image.h"

namespace pc::data::detail {

// What a decoder makes of a file: RGB, or RGBA with straight alpha if any pixel of the format may be transparent.
struct Raster {
  int h = 0, w = 0, channels = 3;  // 3 or 4
  std::vector<uint8_t> pixels;     // h x w x channels
};

// The only way from a decoder to an Image: alpha is composited on white.
Image on_white(Raster raster);

}  // namespace pc::data::detail
