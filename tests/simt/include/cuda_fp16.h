// Stands in for CUDA's half: the conversions of the sm_90 instructions, bit for bit.
#pragma once

#include <bit>
#include <cstdint>

#include "cuda_runtime.h"

struct __half {
  uint16_t bits;
};

// To nearest even; every NaN becomes 0x7fff, as cvt.rn.f16.f32 has it.
inline __half __float2half_rn(float v) {
  const uint32_t u = std::bit_cast<uint32_t>(v), magnitude = u & 0x7fffffffu, sign = u >> 16 & 0x8000u;
  if (magnitude > 0x7f800000u) return {0x7fff};
  if (magnitude >= 0x477ff000u) return {uint16_t(sign | 0x7c00u)};  // 65520, half-way to 2^16, and beyond
  // Below 2^-14 the last place is 2^-24: adding 0.5 leaves it as the last bit of a float, rounded by the addition.
  if (magnitude < 0x38800000u)
    return {uint16_t(sign | (std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) & 0x7ffu))};
  return {uint16_t(sign | ((magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13))};
}

inline float __half2float(__half v) {
  const uint32_t sign = uint32_t(v.bits & 0x8000u) << 16, magnitude = v.bits & 0x7fffu;
  if (magnitude < 0x400u) return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(float(magnitude) * 0x1p-24f));
  const uint32_t exponent = magnitude >= 0x7c00u ? 0x70000000u : 0x38000000u;  // infinity and NaN keep their place
  return std::bit_cast<float>(sign | ((magnitude << 13) + exponent));
}
