// Stands in for CUDA's bfloat16: the conversions of the sm_90 instructions, bit for bit.
#pragma once

#include <bit>
#include <cstdint>

#include "cuda_runtime.h"

struct __nv_bfloat16 {
  uint16_t bits;
};

// To nearest even; every NaN becomes 0x7fff, as cvt.rn.bf16.f32 has it.
inline __nv_bfloat16 __float2bfloat16_rn(float v) {
  const uint32_t u = std::bit_cast<uint32_t>(v);
  if ((u & 0x7fffffffu) > 0x7f800000u) return {0x7fff};
  return {uint16_t((u + 0x7fffu + (u >> 16 & 1u)) >> 16)};
}

inline float __bfloat162float(__nv_bfloat16 v) { return std::bit_cast<float>(uint32_t(v.bits) << 16); }
