// PNG files. Decoding checks the pixel limit and ignores EXIF; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "data/decode_settings.h"
#include "data/image.h"

namespace pc {

namespace detail {
Image decode_png(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);
}  // namespace detail

// The image as an RGB PNG.
std::vector<std::byte> encode_png(const Image& image);

}  // namespace pc
