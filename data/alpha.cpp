#include "data/alpha.h"

#include <cstddef>

namespace pc::detail {

std::vector<uint8_t> composite_on_white(const std::vector<uint8_t>& rgba) {
  std::vector<uint8_t> rgb(rgba.size() / 4 * 3);
  for (std::size_t i = 0; i < rgb.size() / 3; ++i) {
    const int a = rgba[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) rgb[3 * i + c] = uint8_t((rgba[4 * i + c] * a + 255 * (255 - a) + 127) / 255);
  }
  return rgb;
}

}  // namespace pc::detail
