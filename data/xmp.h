// The orientation that an XMP packet names.
#pragma once

#include <optional>
#include <string_view>

namespace pc::data::detail {

// The digit of tiff:Orientation, an attribute (tiff:Orientation="6") or an element (<tiff:Orientation>6</…>), under
// whatever prefix the packet gives to http://ns.adobe.com/tiff/1.0/; nothing if there is none.
std::optional<int> xmp_orientation(std::string_view packet);

}  // namespace pc::data::detail
