// The one EXIF tag that matters is orientation (0x0112). Any defect of the block means "upright".
#include "data/exif.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace pc::detail {
namespace {

using Bytes = std::span<const std::byte>;

// Numbers of a TIFF block in its own byte order; nothing outside the block is ever read.
class Tiff {
 public:
  static int orientation(Bytes block) {
    if (block.size() < 8) return 1;
    Tiff t(block);
    if (std::memcmp(block.data(), "II*\0", 4) == 0) {
      t.little_ = true;
    } else if (std::memcmp(block.data(), "MM\0*", 4) != 0) {
      return 1;
    }
    const std::size_t at = t.number(4, 4);
    const std::size_t entries = t.number(at, 2);  // at most 65535: a lying count costs no time
    for (std::size_t i = 0; i < entries; ++i) {
      const std::size_t entry = at + 2 + 12 * i;
      if (entry + 12 > block.size()) break;
      if (t.number(entry, 2) != 0x0112) continue;
      const std::size_t type = t.number(entry + 2, 2), value = t.number(entry + 8, type == 4 ? 4 : 2);
      return value >= 1 && value <= 8 ? int(value) : 1;
    }
    return 1;
  }

 private:
  explicit Tiff(Bytes block) : block_(block) {}
  std::size_t number(std::size_t at, std::size_t bytes) const {
    if (at > block_.size() || block_.size() - at < bytes) return 0;
    std::size_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) {
      value = value << 8 | std::to_integer<std::size_t>(block_[at + (little_ ? bytes - 1 - i : i)]);
    }
    return value;
  }
  Bytes block_;
  bool little_ = false;
};

// The EXIF block of the segments before the first scan.
std::optional<Bytes> jpeg_exif(Bytes b) {
  std::size_t at = 2;
  while (at + 4 <= b.size() && b[at] == std::byte{0xff}) {
    const int marker = std::to_integer<int>(b[at + 1]);
    if (marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) break;
    const std::size_t length = std::to_integer<std::size_t>(b[at + 2]) << 8 | std::to_integer<std::size_t>(b[at + 3]);
    if (length < 2 || length + 2 > b.size() - at) break;
    const Bytes body = b.subspan(at + 4, length - 2);
    if (marker == 0xe1 && body.size() > 6 && std::memcmp(body.data(), "Exif\0\0", 6) == 0) return body.subspan(6);
    at += 2 + length;
  }
  return std::nullopt;
}

std::optional<Bytes> png_exif(Bytes b) {
  std::size_t at = 8;
  while (at + 12 <= b.size()) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | std::to_integer<std::size_t>(b[at + i]);
    if (length > b.size() - at - 12) break;
    if (std::memcmp(&b[at + 4], "eXIf", 4) == 0) return b.subspan(at + 8, length);
    at += 12 + length;
  }
  return std::nullopt;
}

// RIFF chunks: four letters, a little-endian size, the body, and a byte of padding if the size is odd.
std::optional<Bytes> webp_exif(Bytes b) {
  std::size_t at = 12;
  while (at + 8 <= b.size()) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length |= std::to_integer<std::size_t>(b[at + 4 + i]) << (8 * i);
    if (length > b.size() - at - 8) break;
    Bytes body = b.subspan(at + 8, length);
    if (std::memcmp(&b[at], "EXIF", 4) == 0) {
      // Some writers keep the mark of a JPEG segment in front.
      if (body.size() > 6 && std::memcmp(body.data(), "Exif\0\0", 6) == 0) body = body.subspan(6);
      return body;
    }
    at += 8 + length + length % 2;
  }
  return std::nullopt;
}

}  // namespace

int exif_orientation(Bytes bytes, ImageFormat format) {
  std::optional<Bytes> block;
  if (format == ImageFormat::jpeg) block = jpeg_exif(bytes);
  if (format == ImageFormat::png) block = png_exif(bytes);
  if (format == ImageFormat::webp) block = webp_exif(bytes);
  return block ? Tiff::orientation(*block) : 1;
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

}  // namespace pc::detail
