// The fields are those of BITMAPCOREHEADER and of BITMAPINFOHEADER and its successors, in little-endian order.
#include "data/bmp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "kernels/base/error.h"

namespace pc::data::detail {
namespace {

using Bytes = std::span<const std::byte>;
using Color = std::array<uint8_t, 3>;  // red, green, blue

enum Compression : uint32_t { kPlain = 0, kRle8 = 1, kRle4 = 2, kMasks = 3, kAlphaMasks = 6 };
constexpr std::size_t kFileHeader = 14, kCoreHeader = 12, kInfoHeader = 40;

// A little-endian number; 0 beyond the end.
uint32_t number(Bytes b, std::size_t at, std::size_t bytes) {
  if (at > b.size() || b.size() - at < bytes) return 0;
  uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value |= std::to_integer<uint32_t>(b[at + i]) << (8 * i);
  return value;
}

struct Header {
  int64_t w = 0, h = 0;
  bool downward = false;
  unsigned bits = 0;
  uint32_t compression = kPlain;
  std::array<uint32_t, 4> masks{};  // red, green, blue, alpha; 0: there is no such channel
  std::size_t palette = 0, colors = 0, color_bytes = 4, pixels = 0;  // where they begin, and how many there are
};

void read_masks(Bytes b, std::size_t header_bytes, Header& h) {
  if (h.compression == kPlain) {
    if (h.bits == 16) h.masks = {0x7c00, 0x3e0, 0x1f, 0};
    if (h.bits >= 24) h.masks = {0xff0000, 0xff00, 0xff, 0};
    return;
  }
  // After the 40 bytes of the first info header, be they a part of a longer one or not.
  const bool alpha = header_bytes > kInfoHeader + 12 || h.compression == kAlphaMasks;
  for (std::size_t i = 0; i < (alpha ? 4 : 3); ++i) h.masks[i] = number(b, kFileHeader + kInfoHeader + 4 * i, 4);
  if (header_bytes == kInfoHeader) h.palette += alpha ? 16 : 12;
}

Header read_header(Bytes b) {
  Header h;
  const std::size_t header_bytes = number(b, 14, 4);
  h.palette = kFileHeader + header_bytes;
  if (header_bytes == kCoreHeader) {
    h.w = number(b, 18, 2), h.h = number(b, 20, 2), h.bits = number(b, 24, 2), h.color_bytes = 3;
  } else {
    h.w = int32_t(number(b, 18, 4)), h.h = int32_t(number(b, 22, 4)), h.bits = number(b, 28, 2);
    h.downward = h.h < 0, h.h = std::abs(h.h);
    h.compression = number(b, 30, 4);
    if (header_bytes >= kInfoHeader) h.colors = number(b, 46, 4);
  }
  if (h.bits >= 16) read_masks(b, header_bytes, h);
  h.pixels = number(b, 10, 4);
  if (h.bits <= 8) {
    const std::size_t most = std::size_t(1) << h.bits;
    if (h.colors == 0 || h.colors > most) h.colors = most;
  }
  return h;
}

// "" if it can be decoded.
std::string problem_of(const Header& h, std::size_t header_bytes) {
  if (header_bytes != kCoreHeader && (header_bytes < 16 || header_bytes > 1024))
    return fmt::format("a header of {} bytes", header_bytes);
  const bool palette = h.bits == 1 || h.bits == 2 || h.bits == 4 || h.bits == 8;
  if (!palette && h.bits != 16 && h.bits != 24 && h.bits != 32) return fmt::format("{} bits per pixel", h.bits);
  const bool rle = (h.compression == kRle8 && h.bits == 8) || (h.compression == kRle4 && h.bits == 4);
  const bool masks = !palette && (h.compression == kMasks || h.compression == kAlphaMasks);
  if (h.compression != kPlain && !rle && !masks) return fmt::format("compression {}", h.compression);
  if (masks && !(h.masks[0] && h.masks[1] && h.masks[2])) return "an empty bit mask";
  return "";
}

std::vector<Color> read_palette(Bytes b, const Header& h) {
  std::vector<Color> palette(std::size_t(1) << h.bits, Color{});
  for (std::size_t i = 0; i < h.colors; ++i)
    for (std::size_t c = 0; c < 3; ++c) palette[i][c] = uint8_t(number(b, h.palette + i * h.color_bytes + 2 - c, 1));
  return palette;
}

// The runs of RLE4 and RLE8, as one index per pixel; pixels that no run reaches are 0.
class Runs {
 public:
  Runs(Bytes b, const Header& h) : b_(b), h_(h), at_(h.pixels), out_(std::size_t(h.w * h.h)) {}

  // Empty if the file ends before the runs do.
  std::vector<uint8_t> indices() {
    while (y_ < h_.h) {
      if (at_ > b_.size() || b_.size() - at_ < 2) return {};
      const int count = byte(), value = byte();
      if (count > 0)
        for (int i = 0; i < count; ++i) put(h_.bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15);
      else if (value == 0)
        x_ = 0, ++y_;
      else if (value == 1)
        break;
      else if (value == 2)
        x_ += byte(), y_ += byte();
      else
        literal(value);
    }
    return std::move(out_);
  }

 private:
  int byte() { return int(number(b_, at_++, 1)); }
  void put(int index) {
    if (x_ < h_.w && y_ < h_.h) out_[std::size_t(y_ * h_.w + x_)] = uint8_t(index);
    ++x_;
  }
  void literal(int count) {  // padded to 16 bits
    const std::size_t begin = at_;
    for (int i = 0, value = 0; i < count; ++i) {
      if (h_.bits == 8 || i % 2 == 0) value = byte();
      put(h_.bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15);
    }
    at_ += (at_ - begin) % 2;
  }

  Bytes b_;
  const Header& h_;
  std::size_t at_;
  int64_t x_ = 0, y_ = 0;
  std::vector<uint8_t> out_;
};

uint8_t channel(uint32_t pixel, uint32_t mask) {
  const int shift = std::countr_zero(mask);
  const uint64_t most = mask >> shift, value = (pixel & mask) >> shift;
  return uint8_t((value * 255 + most / 2) / most);
}

void read_row(Bytes row, const Header& h, const std::vector<Color>& palette, uint8_t* to) {
  const std::size_t pixel_bytes = h.bits / 8;
  for (std::size_t x = 0; x < std::size_t(h.w); ++x) {
    if (h.bits <= 8) {
      const std::size_t bit = x * h.bits;
      const unsigned index = (number(row, bit / 8, 1) >> (8 - h.bits - bit % 8)) & ((1u << h.bits) - 1);
      to = std::copy(palette[index].begin(), palette[index].end(), to);
    } else {
      const uint32_t pixel = number(row, x * pixel_bytes, pixel_bytes);
      for (const uint32_t mask : h.masks)
        if (mask) *to++ = channel(pixel, mask);
    }
  }
}

// Alpha that is 0 everywhere was never written: programs fill the fourth byte with 0.
void ignore_empty_alpha(std::vector<uint8_t>& rgba) {
  for (std::size_t i = 3; i < rgba.size(); i += 4)
    if (rgba[i] != 0) return;
  for (std::size_t i = 3; i < rgba.size(); i += 4) rgba[i] = 255;
}

}  // namespace

PlainHeader bmp_header(Bytes bytes) {
  const Header h = read_header(bytes);
  return {.h = int(h.h), .w = int(h.w), .channels = h.masks[3] ? 4 : 3};
}

Raster decode_bmp(Bytes bytes, const std::string& name, const DecodeSettings& settings) {
  const Header h = read_header(bytes);
  if (const std::string problem = problem_of(h, number(bytes, 14, 4)); !problem.empty())
    fail(Exit::data, fmt::format("{}: BMP with {}, not supported; convert to JPEG or PNG", name, problem));
  check_pixels(name, h.w, h.h, settings);
  const auto truncated = [&] { fail(Exit::data, name + ": BMP is truncated; copy or download it again"); };
  const std::size_t row_bytes = (std::size_t(h.w) * h.bits + 7) / 8;
  std::size_t stride = (row_bytes + 3) / 4 * 4, begin = h.pixels;
  Header plain = h;
  std::vector<uint8_t> indices;
  Bytes source = bytes;
  if (h.compression == kRle8 || h.compression == kRle4) {
    indices = Runs(bytes, h).indices();
    if (indices.empty()) truncated();
    source = std::as_bytes(std::span(indices)), begin = 0, stride = std::size_t(h.w), plain.bits = 8;
  } else if (begin > bytes.size() || stride * std::size_t(h.h - 1) + row_bytes > bytes.size() - begin) {
    truncated();
  }
  const std::vector<Color> palette = h.bits <= 8 ? read_palette(bytes, h) : std::vector<Color>();
  Raster image{.h = int(h.h), .w = int(h.w), .channels = h.masks[3] ? 4 : 3, .pixels = {}};
  image.pixels.resize(std::size_t(image.h) * std::size_t(image.w) * std::size_t(image.channels));
  for (int64_t y = 0; y < h.h; ++y) {
    const int64_t to = h.downward ? y : h.h - 1 - y;
    read_row(source.subspan(begin + std::size_t(y) * stride), plain, palette,
             image.pixels.data() + to * image.w * image.channels);
  }
  if (image.channels == 4) ignore_empty_alpha(image.pixels);
  return image;
}

}  // namespace pc::data::detail
