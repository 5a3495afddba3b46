// An image in memory: upright 8-bit RGB pixels.
#pragma once

#include <cstdint>
#include <vector>

namespace pc {

// h x w x 3, row-major, RGB, u8.
struct Image {
  int h = 0, w = 0;
  std::vector<uint8_t> pixels;
};

}  // namespace pc
