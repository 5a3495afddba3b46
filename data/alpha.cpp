#include "data/alpha.h"

#include <cstddef>
#include <utility>

namespace pc::data::detail {

Image on_white(Raster raster) {
  Image image{.h = raster.h, .w = raster.w, .pixels = {}};
  if (raster.channels == 3) {
    image.pixels = std::move(raster.pixels);
    return image;
  }
  const std::vector<uint8_t>& rgba = raster.pixels;
  image.pixels.resize(rgba.size() / 4 * 3);
  for (std::size_t i = 0; i < image.pixels.size() / 3; ++i) {
    const int a = rgba[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c)
      image.pixels[3 * i + c] = uint8_t((rgba[4 * i + c] * a + 255 * (255 - a) + 127) / 255);
  }
  return image;
}

}  // namespace pc::data::detail
