// A drawn picture for tests that need no particular one.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "data/image.h"

namespace pc::test {

// A smooth picture that differs by seed.
inline data::Image make_picture(int seed, int h = 40, int w = 30) {
  data::Image image{.h = h, .w = w, .pixels = std::vector<uint8_t>(std::size_t(h) * std::size_t(w) * 3)};
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int c = 0; c < 3; ++c) {
        const double wave =
            std::sin(0.03 * (seed + 1) * (c + 1) * x + 0.7 * seed) + std::cos(0.05 * (seed % 5 + 1) * y + c + seed);
        image.pixels[(std::size_t(y) * std::size_t(w) + std::size_t(x)) * 3 + std::size_t(c)] =
            uint8_t(127.5 + 63 * wave);
      }
  return image;
}

}  // namespace pc::test
