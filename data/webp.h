// WebP files, lossy and lossless. Checks the pixel limit and does not turn the image upright; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/alpha.h"
#include "data/decode_settings.h"

namespace pc::data::detail {

Raster decode_webp(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);

}  // namespace pc::data::detail
