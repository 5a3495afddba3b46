// The decoders behind decode_image, one per library. They check the pixel limit and ignore EXIF; errors begin with
// `name`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "data/image.h"

namespace pc::detail {

// Error(limit) "NAME: 65500x65500 exceeds the limit of 100 Mpixel" above settings.max_pixels.
void check_pixels(const std::string& name, int64_t w, int64_t h, const DecodeSettings& settings);

Image decode_jpeg(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);
Image decode_png(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);
Image decode_webp(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);
std::vector<uint8_t> on_white(const std::vector<uint8_t>& rgba);  // the RGB of a picture with straight alpha
// What the header of a GIF, BMP or PNM says; zeros where it is broken.
struct PlainHeader {
  int h = 0, w = 0, channels = 0;
};
PlainHeader stb_header(std::span<const std::byte> bytes);
PlainHeader pnm_header(std::span<const std::byte> bytes);
// "P5" and "P6"; samples are scaled from the header's largest value to 255.
Image decode_pnm(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);
// GIF and BMP only.
Image decode_with_stb(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);

// The orientation (1 … 8) that the EXIF block of a JPEG, PNG or WebP asks for; 1 where there is none or it is broken.
int exif_orientation(std::span<const std::byte> bytes, ImageFormat format);

// The picture turned upright: 2 mirror, 3 rotate 180, 4 flip, 5 transpose, 6 rotate 90 right, 7 transverse, 8 rotate 90
// left.
Image orient(Image image, int orientation);

}  // namespace pc::detail
