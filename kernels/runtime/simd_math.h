// Functions of vectors for the CPU kernels: exp, the logistic function, the normal distribution. As simd.h: only
// *_simd.cpp files may include this.
//
// tests/ops/activation_test.cpp measures the errors below over the whole range of f32. NaN gives NaN.
#pragma once

#include <limits>

#include "kernels/runtime/simd.h"

namespace pc::simd {
inline namespace PC_VARIANT {

// Adding it rounds to an integer, which the low bits then hold.
constexpr float kRounding = 0x1.8p23f;

using i32x [[gnu::vector_size(sizeof(f32x))]] = int32_t;

// NaN passes: it is the second operand of max and min.
[[gnu::always_inline]] static inline f32x at_least(f32x v, float low) {
#ifdef __AVX512F__
  return _mm512_max_ps(splat(low), v);
#else
  return _mm256_max_ps(splat(low), v);
#endif
}
[[gnu::always_inline]] static inline f32x at_most(f32x v, float high) {
#ifdef __AVX512F__
  return _mm512_min_ps(splat(high), v);
#else
  return _mm256_min_ps(splat(high), v);
#endif
}
[[gnu::always_inline]] static inline f32x clamp(f32x v, float low, float high) {
  return at_most(at_least(v, low), high);
}

[[gnu::always_inline]] static inline f32x negative_magnitude(f32x v) {
  return f32x(i32x(v) | (i32x{} + std::numeric_limits<int32_t>::min()));
}

// 1 / v for v in [1, 2^20], at most 1 ulp off. A division of 16 lanes takes longer than all of e^x.
[[gnu::always_inline]] static inline f32x reciprocal(f32x v) {
#ifdef __AVX512F__
  const f32x first = _mm512_rcp14_ps(v);
  return first + first * (splat(1) - v * first);  // Newton's step
#else
  return splat(1) / v;
#endif
}

// v * 2^n for whole n in [-165, 128]; shifted holds n in its low bits.
[[gnu::always_inline]] static inline f32x scale_by_power(f32x v, f32x n, f32x shifted) {
#ifdef __AVX512F__
  (void)shifted;
  return _mm512_scalef_ps(v, n);
#else
  (void)n;  // in two factors: n may be 128, or so small that the result is denormal
  const i32x k = i32x(shifted) - i32x(splat(kRounding)), half = k >> 1, bias = i32x{} + 127;
  return v * f32x((half + bias) << 23) * f32x((k - half + bias) << 23);
#endif
}

// e^x for x in [-113, 89], 0 and infinity at their ends, and NaN; at most 1 ulp off, results below 2^-126 at most half
// their last bit more. With n = round(x / ln 2) and r = x - n ln 2: 2^n (1 + r + r^2 P(r)). P: minimax, 0.03 ulp off.
[[gnu::always_inline]] static inline f32x exp(f32x x) {
  const f32x shifted = x * splat(1.44269504f) + splat(kRounding), n = shifted - splat(kRounding);
  // ln 2 in two parts; the first product is exact.
  const f32x r = x - n * splat(0.693359375f) - n * splat(-2.12194440e-4f);
  f32x p = splat(1.381446674e-3f);
  p = p * r + splat(8.368780429e-3f);
  p = p * r + splat(4.166839422e-2f);
  p = p * r + splat(1.666652011e-1f);
  p = p * r + splat(4.999999341e-1f);
  return scale_by_power((p * r) * r + r + splat(1), n, shifted);
}

// 1 / (1 + e^-x) and 1 minus it, both at most 3 ulp off.
struct Logistic {
  f32x value, complement;
};
[[gnu::always_inline]] static inline Logistic logistic(f32x x) {
  const f32x zero = {}, e = exp(at_least(negative_magnitude(x), -104)), large = reciprocal(splat(1) + e),
             small = e * large;
  return {.value = x < zero ? small : large, .complement = x < zero ? large : small};
}

// The standard normal distribution: P(X <= x), at most 5 ulp off, and the density. Below 0 the former is
// e^(-a^2/2) t P(t) with a = |x|, t = 1 / (1 + 0.35 a); P: minimax, 0.3 ulp off.
struct Normal {
  f32x cdf, density;
};
[[gnu::always_inline]] static inline Normal normal(f32x x) {
  const f32x zero = {}, a = at_most(-negative_magnitude(x), 15);  // both are 0 at 15
  const f32x negative_half = a * splat(-0.5f), exponent = negative_half * a;
  const f32x rest = multiply_subtract(negative_half, a, exponent);  // what rounding took off the exponent
  const f32x rounded = exp(exponent), bell = rounded + rounded * rest;
  const f32x t = reciprocal(splat(1) + splat(0.35f) * a);
  f32x p = splat(-2.916380671e-2f);
  p = p * t + splat(1.440602375e-1f);
  p = p * t + splat(-2.559007325e-1f);
  p = p * t + splat(1.593916680e-1f);
  p = p * t + splat(-2.326301753e-2f);
  p = p * t + splat(1.055744743e-1f);
  p = p * t + splat(1.198155758e-1f);
  p = p * t + splat(1.398643262e-1f);
  p = p * t + splat(1.396212589e-1f);
  const f32x tail = bell * (t * p);
  return {.cdf = x < zero ? tail : splat(1) - tail, .density = bell * splat(0.398942280f)};
}

}  // namespace PC_VARIANT
}  // namespace pc::simd
