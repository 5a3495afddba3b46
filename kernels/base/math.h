// Small arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>

namespace pc {

// a / b, rounded up; a >= 0, b > 0.
constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The nearest of 0 … 255, as a color's value; halves go up.
inline uint8_t to_byte(double value) { return uint8_t(std::clamp(value + 0.5, 0.0, 255.0)); }

}  // namespace pc
