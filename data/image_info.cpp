#include "data/image_info.h"

#include <webp/decode.h>

#include <utility>

#include "data/bmp.h"
#include "data/gif.h"
#include "data/orientation.h"
#include "data/png_chunks.h"
#include "data/pnm.h"

namespace pc::data {
namespace {

using Bytes = std::span<const std::byte>;

int64_t big_endian(Bytes b, std::size_t at, std::size_t bytes) {
  int64_t value = 0;
  for (std::size_t i = at; i < at + bytes; ++i) value = value << 8 | std::to_integer<int64_t>(b[i]);
  return value;
}

bool is_frame(int marker) {  // SOF0 … SOF15 without DHT, JPG and DAC, which lie among them
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// The frame header: after its length come precision, height, width and the number of components.
void read_jpeg(Bytes b, ImageInfo& info) {
  for (std::size_t at = 2; at + 10 <= b.size() && b[at] == std::byte{0xff};) {
    const int marker = std::to_integer<int>(b[at + 1]);
    if (marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    if (!is_frame(marker)) {
      at += 2 + std::size_t(big_endian(b, at + 2, 2));
      continue;
    }
    info.h = big_endian(b, at + 5, 2), info.w = big_endian(b, at + 7, 2);
    const int components = std::to_integer<int>(b[at + 9]);
    if (components == 1) info.mode = ImageMode::gray;
    if (components == 3) info.mode = ImageMode::rgb;
    if (components == 4) info.mode = ImageMode::cmyk;
    return;
  }
}

// IHDR is the first chunk; a tRNS chunk before the pixels makes any type transparent.
void read_png(Bytes b, ImageInfo& info) {
  if (b.size() < 33) return;
  info.w = big_endian(b, 16, 4), info.h = big_endian(b, 20, 4);
  const int type = std::to_integer<int>(b[25]);
  if (type == 0) info.mode = ImageMode::gray;
  if (type == 2) info.mode = ImageMode::rgb;
  if (type == 3) info.mode = ImageMode::palette;
  if (type == 4 || type == 6) info.mode = ImageMode::alpha;
  detail::PngChunks chunks(b);
  for (auto chunk = chunks.next(); chunk && chunk->type != "IDAT"; chunk = chunks.next())
    if (chunk->type == "tRNS") info.mode = ImageMode::alpha;
}

// The formats whose decoders read the header for both.
void read_plain(Bytes b, ImageInfo& info) {
  const bool gif = info.format == ImageFormat::gif;
  const detail::PlainHeader header = gif                               ? detail::gif_header(b)
                                     : info.format == ImageFormat::bmp ? detail::bmp_header(b)
                                                                       : detail::pnm_header(b);
  info.h = header.h, info.w = header.w;
  info.mode = header.channels == 4   ? ImageMode::alpha
              : gif                  ? ImageMode::palette
              : header.channels == 1 ? ImageMode::gray
                                     : ImageMode::rgb;
}

void read_webp(Bytes b, ImageInfo& info) {
  int w = 0, h = 0;
  if (WebPGetInfo(reinterpret_cast<const uint8_t*>(b.data()), b.size(), &w, &h)) info.h = h, info.w = w;
}

}  // namespace

const char* name_of(ImageMode mode) {
  switch (mode) {
    case ImageMode::unknown:
      return "unknown";
    case ImageMode::gray:
      return "grayscale";
    case ImageMode::rgb:
      return "RGB";
    case ImageMode::cmyk:
      return "CMYK";
    case ImageMode::palette:
      return "palette";
    case ImageMode::alpha:
      return "RGBA";
  }
  return "unknown";
}

ImageInfo image_info(Bytes bytes) {
  ImageInfo info{.format = sniff(bytes)};
  if (info.format == ImageFormat::jpeg) read_jpeg(bytes, info);
  if (info.format == ImageFormat::png) read_png(bytes, info);
  if (info.format == ImageFormat::webp) read_webp(bytes, info);
  if (info.format == ImageFormat::gif || info.format == ImageFormat::bmp || info.format == ImageFormat::pnm)
    read_plain(bytes, info);
  if (detail::image_orientation(bytes, info.format) >= 5) std::swap(info.h, info.w);
  return info;
}

}  // namespace pc::data
