// Pictures: what a file really is, and its pixels as upright 8-bit RGB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pc {

// h x w x 3, row-major, RGB, u8.
struct Image {
  int h = 0, w = 0;
  std::vector<uint8_t> pixels;
};

enum class ImageFormat : uint8_t {
  unknown,
  empty,
  jpeg,
  png,
  gif,
  bmp,
  pnm,
  webp,
  heif,
  avif,
  tiff,
  pdf,
  zip,
  html,
  text
};

// By the first bytes, never by the file name.
ImageFormat sniff(std::span<const std::byte> bytes);
const char* name_of(ImageFormat format);  // "JPEG", "WebP", …

struct DecodeSettings {
  int64_t max_pixels = 100'000'000;  // refused above, before any pixel is allocated
  // JPEG only: decode at 1/2, 1/4 or 1/8 as long as the short side stays >= 2 * min_side (room for the caller's own
  // filter); 0: full size.
  int min_side = 0;
};

// Decodes JPEG (baseline and progressive; gray, YCbCr, RGB, CMYK, YCCK as Adobe writes them), PNG (all types; alpha is
// composited on white), still WebP, binary PGM and PPM and, through stb_image, the first frame of GIF and BMP. EXIF
// orientation is applied; broken EXIF is ignored. Errors begin with `name`: Error(data) "NAME: empty file", "NAME: JPEG
// is truncated", "NAME: file is HEIC, not supported; convert to JPEG or PNG", "NAME: not an image (looks like HTML)";
// Error(limit) "NAME: 65500x65500 exceeds the limit of 100 Mpixel".
Image decode_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings = {});

// JPEG, PNG and WebP, and no other decoder is reached: for pictures that strangers send. Errors as decode_image's, but
// Error(data) "NAME: file is GIF; send JPEG, PNG or WebP" for every other format.
Image decode_web_image(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings = {});
bool is_web_image(ImageFormat format);

// The picture as an RGB PNG.
std::vector<std::byte> encode_png(const Image& image);

struct JpegSettings {
  int quality = 90;   // 1 … 100
  bool gray = false;  // one component: the luma
};
// The picture as a baseline JPEG, colors at half the resolution (4:2:0).
std::vector<std::byte> encode_jpeg(const Image& image, const JpegSettings& settings = {});

}  // namespace pc
