// Transparency, which networks do not see.
#pragma once

#include <cstdint>
#include <vector>

namespace pc::detail {

// The RGB of RGBA pixels with straight alpha, composited on white.
std::vector<uint8_t> composite_on_white(const std::vector<uint8_t>& rgba);

}  // namespace pc::detail
