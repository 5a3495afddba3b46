// GIF and BMP files, through stb_image. Decoding checks the pixel limit; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/decode_settings.h"
#include "data/image.h"
#include "data/plain_header.h"

namespace pc::detail {

PlainHeader stb_header(std::span<const std::byte> bytes);

// Of a GIF the first frame.
Image decode_with_stb(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);

}  // namespace pc::detail
