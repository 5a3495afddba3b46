// BMP files. Decoding checks the pixel limit; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/alpha.h"
#include "data/decode_settings.h"
#include "data/plain_header.h"

namespace pc::data::detail {

PlainHeader bmp_header(std::span<const std::byte> bytes);

// The headers of OS/2 and of Windows (V1 to V5); 1 to 8 bits with a palette, 16, 24 and 32 bits, with bit masks or
// without; RLE4 and RLE8; rows upward or downward. Only a mask for alpha makes a BMP transparent.
Raster decode_bmp(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);

}  // namespace pc::data::detail
