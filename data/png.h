// PNG files. Decoding checks the pixel limit and does not turn the image upright; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "data/alpha.h"
#include "data/decode_settings.h"
#include "data/image.h"

namespace pc::data {

namespace detail {
Raster decode_png(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);
}  // namespace detail

// The image as an RGB PNG.
std::vector<std::byte> encode_png(const Image& image);

}  // namespace pc::data
