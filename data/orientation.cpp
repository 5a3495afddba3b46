#include "data/orientation.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "data/exif.h"
#include "data/metadata.h"
#include "data/xmp.h"

namespace pc::data::detail {

int image_orientation(std::span<const std::byte> bytes, ImageFormat format) {
  const Metadata metadata = read_metadata(bytes, format);
  std::optional<int> value = exif_orientation(metadata.exif);
  if (!value) value = xmp_orientation(metadata.xmp);
  return value && *value >= 1 && *value <= 8 ? *value : 1;
}

Image orient(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool swap = orientation >= 5;
  const int sh = image.h, sw = image.w, h = swap ? sw : sh, w = swap ? sh : sw;
  Image out{.h = h, .w = w, .pixels = std::vector<uint8_t>(image.pixels.size())};
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      // Where the upright pixel (y, x) lies in the stored image.
      int sy = swap ? x : y, sx = swap ? y : x;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = sw - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) sy = sh - 1 - sy;
      const uint8_t* from = &image.pixels[(std::size_t(sy) * std::size_t(sw) + std::size_t(sx)) * 3];
      std::copy_n(from, 3, &out.pixels[(std::size_t(y) * std::size_t(w) + std::size_t(x)) * 3]);
    }
  }
  return out;
}

}  // namespace pc::data::detail
