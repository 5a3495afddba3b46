// The orientation tag of an EXIF block.
#pragma once

#include <optional>
#include <string_view>

namespace pc::data::detail {

// The value of tag 0x0112 in the first directory of a TIFF block, as it stands there; nothing if the block has none or
// is broken.
std::optional<int> exif_orientation(std::string_view tiff);

}  // namespace pc::data::detail
