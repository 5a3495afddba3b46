// Binary PGM ("P5") and PPM ("P6") files. Decoding checks the pixel limit; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/alpha.h"
#include "data/decode_settings.h"
#include "data/plain_header.h"

namespace pc::data::detail {

PlainHeader pnm_header(std::span<const std::byte> bytes);

// Samples are scaled from the header's largest value to 255.
Raster decode_pnm(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);

}  // namespace pc::data::detail
