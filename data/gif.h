// GIF files, through stb_image. Decoding checks the pixel limit; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/alpha.h"
#include "data/decode_settings.h"
#include "data/plain_header.h"

namespace pc::data::detail {

PlainHeader gif_header(std::span<const std::byte> bytes);

// The first frame on its canvas. What it does not cover is transparent, as in browsers, whatever the background color.
Raster decode_gif(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);

}  // namespace pc::data::detail
