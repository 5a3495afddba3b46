// How the CPU divides rows into blocks where it sums over them; the tests take their sizes from it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pc {

// About 16384 elements: two maps of a block stay in the first two caches.
constexpr int64_t column_block_rows(int c) { return std::max<int64_t>(1, 16384 / c); }

}  // namespace pc
