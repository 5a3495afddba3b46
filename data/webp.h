// WebP files, lossy and lossless. Checks the pixel limit and ignores EXIF; errors begin with `name`.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/decode_settings.h"
#include "data/image.h"

namespace pc::detail {

Image decode_webp(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings);

}  // namespace pc::detail
