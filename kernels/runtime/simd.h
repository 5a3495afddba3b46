// One vector of f32 lanes for the CPU kernels: 16 with AVX-512, 8 with AVX2; f32, bf16, f16 and (read only) u8 in
// memory.
//
// Only *_simd.cpp files may include this: they alone are compiled with -march. Arithmetic and comparisons are the
// compiler's own operators on vectors. A tail goes through the same vector code as the rest, so an element's bits do
// not depend on where it lies.
//
// A _simd file may be compiled several times, for several machines, into one program; PC_VARIANT names the one at hand.
// So whatever a _simd file defines with external linkage lies in a namespace of that name, op tables excepted: else the
// linker would keep one copy, perhaps of instructions that the machine does not have. tests/simd_symbols.sh checks it.
#pragma once

// GCC 12 takes its own _mm512_undefined_ps() for a mistake (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstring>
#include <type_traits>

#include "kernels/runtime/dtype.h"

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "AVX2, FMA, F16C needed: include this in *_simd.cpp files only, configure with -DPC_MARCH=x86-64-v3 or better"
#endif
#ifndef PC_VARIANT
#define PC_VARIANT native
#endif
#define PC_SIMD [[gnu::always_inline]] static inline

namespace pc {

// IEEE binary16 in memory. GCC's own type would do; clang 14 has it only for CPUs that calculate with it.
struct f16 {
  uint16_t bits;
};

}  // namespace pc

namespace pc::simd {
inline namespace PC_VARIANT {

#ifdef __AVX512F__
using f32x = __m512;
using f64x = __m512d;  // half as many lanes
constexpr int kLanes = 16;

PC_SIMD f32x splat(float value) { return _mm512_set1_ps(value); }
PC_SIMD f32x sqrt(f32x v) { return _mm512_sqrt_ps(v); }
PC_SIMD f32x multiply_subtract(f32x a, f32x b, f32x c) { return _mm512_fmsub_ps(a, b, c); }  // rounds once
PC_SIMD f64x low_half(f32x v) { return _mm512_cvtps_pd(_mm512_castps512_ps256(v)); }
PC_SIMD f64x high_half(f32x v) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)); }
PC_SIMD double sum(f64x v) { return _mm512_reduce_add_pd(v); }
PC_SIMD float sum(f32x v) { return _mm512_reduce_add_ps(v); }
PC_SIMD f32x load(const float* p) { return _mm512_loadu_ps(p); }
PC_SIMD void store(float* p, f32x v) { _mm512_storeu_ps(p, v); }
// Past the caches, at a multiple of the vector's size; _mm_sfence() before another thread may read it.
PC_SIMD void stream(float* p, f32x v) { _mm512_stream_ps(p, v); }
PC_SIMD f32x load(const uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
PC_SIMD f32x load(const bf16* p) {
  const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}
PC_SIMD void store(bf16* p, f32x v) {
  const __m512i u = _mm512_castps_si512(v), high = _mm512_srli_epi32(u, 16);
  const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  __m512i r = _mm512_srli_epi32(_mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
  r = _mm512_mask_or_epi32(r, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), high, _mm512_set1_epi32(0x40));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(r));
}
PC_SIMD f32x load(const f16* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
PC_SIMD void store(f16* p, f32x v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
// Lanes as bits: bit i is lane i. positive: v > 0 (false for NaN); keep: 0 where the bit is 0.
PC_SIMD uint32_t positive(f32x v) { return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GT_OQ); }
PC_SIMD f32x keep(f32x v, uint32_t bits) { return _mm512_maskz_mov_ps(__mmask16(bits), v); }
#else
using f32x = __m256;
using f64x = __m256d;
constexpr int kLanes = 8;

PC_SIMD f32x splat(float value) { return _mm256_set1_ps(value); }
PC_SIMD f32x sqrt(f32x v) { return _mm256_sqrt_ps(v); }
PC_SIMD f32x multiply_subtract(f32x a, f32x b, f32x c) { return _mm256_fmsub_ps(a, b, c); }  // rounds once
PC_SIMD f64x low_half(f32x v) { return _mm256_cvtps_pd(_mm256_castps256_ps128(v)); }
PC_SIMD f64x high_half(f32x v) { return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)); }
PC_SIMD double sum(f64x v) { return (v[0] + v[1]) + (v[2] + v[3]); }
PC_SIMD float sum(f32x v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
PC_SIMD f32x load(const float* p) { return _mm256_loadu_ps(p); }
PC_SIMD void store(float* p, f32x v) { _mm256_storeu_ps(p, v); }
PC_SIMD void stream(float* p, f32x v) { _mm256_stream_ps(p, v); }
PC_SIMD f32x load(const uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
PC_SIMD f32x load(const bf16* p) {
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}
PC_SIMD void store(bf16* p, f32x v) {
  const __m256i u = _mm256_castps_si256(v), high = _mm256_srli_epi32(u, 16);
  const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
  __m256i r = _mm256_srli_epi32(_mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  r = _mm256_blendv_epi8(r, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
  r = _mm256_permute4x64_epi64(_mm256_packus_epi32(r, r), 0x08);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(r));
}
PC_SIMD f32x load(const f16* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
PC_SIMD void store(f16* p, f32x v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
PC_SIMD uint32_t positive(f32x v) {
  return uint32_t(_mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ)));
}
PC_SIMD f32x keep(f32x v, uint32_t bits) {
  const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i on = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(int(bits)), lane), lane);
  return _mm256_and_ps(v, _mm256_castsi256_ps(on));
}
#endif

// How many lanes a step works on: Full, known to the compiler, or an int for the tail.
using Full = std::integral_constant<int, kLanes>;

template <class T>
PC_SIMD f32x load(const T* p, Full) {
  return load(p);
}
template <class T>
PC_SIMD f32x load(const T* p, int count) {  // lanes past count are 0
  T lanes[kLanes] = {};
  std::memcpy(lanes, p, std::size_t(count) * sizeof(T));
  return load(lanes);
}
#ifdef __AVX512F__
PC_SIMD f32x load(const float* p, int count) { return _mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), p); }
#endif
template <class T>
PC_SIMD void store(T* p, f32x v, Full) {
  store(p, v);
}
template <class T>
PC_SIMD void store(T* p, f32x v, int count) {
  T lanes[kLanes];
  store(lanes, v);
  std::memcpy(p, lanes, std::size_t(count) * sizeof(T));
}

// step(i, count) over [begin, end), a whole vector at a time and the tail last.
template <class F>
PC_SIMD void for_lanes(int64_t begin, int64_t end, F&& step) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) step(i, Full{});
  if (i < end) step(i, int(end - i));
}

// max(v, 0) that lets NaN through: the second operand of max wins where one is NaN.
PC_SIMD f32x relu(f32x v) {
#ifdef __AVX512F__
  return _mm512_max_ps(_mm512_setzero_ps(), v);
#else
  return _mm256_max_ps(_mm256_setzero_ps(), v);
#endif
}

}  // namespace PC_VARIANT
}  // namespace pc::simd
#undef PC_SIMD
