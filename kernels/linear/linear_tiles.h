// How the CPU divides the work of linear.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pc {

constexpr int kLinearRows = 4, kLinearVectors = 4;  // a tile: 16 sums in registers

// Tiles of kLinearRows rows per block: about 2^18 multiplications.
constexpr int64_t linear_grain(int64_t inner, int64_t columns) {
  return std::max<int64_t>(1, (int64_t(1) << 18) / (inner * columns * kLinearRows));
}

}  // namespace pc
