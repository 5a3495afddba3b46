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

// The standard normal distribution at a = min(|x|, 15), where all is 0: P(X <= -a), at most 5 ulp off, and the density.
// The former is e^(-a^2/2) t P(t) with t = 1 / (1 + 0.35 a); P: minimax, 0.3 ulp off, divided by its first coefficient, by
// which the polynomial of the exponential is multiplied: a step less. With k = round(-a^2 / (2 ln 2)) the exponential is
// 2^k e^(-r/2), r = a^2 + 2k ln 2, 2 ln 2 in two parts; both products with the first are exact.
struct NormalTail {
  f32x negative_a, below, density;
};
[[gnu::always_inline]] static inline NormalTail normal_tail(f32x x) {
#ifdef __AVX512F__
  const f32x n = _mm512_range_ps(x, splat(15), 0b1110);  // the smaller magnitude, negative
#else
  const f32x n = at_least(negative_magnitude(x), -15);
#endif
  const f32x t = reciprocal(splat(1) - splat(0.35f) * n);
  const f32x shifted = n * splat(-0.72134752f) * n + splat(kRounding), k = shifted - splat(kRounding);
  const f32x r = multiply_subtract(n, n, k * splat(-1.38629150390625f)) + k * splat(2.857213641e-6f);
  f32x e = splat(-6.305237949e-7f);
  e = e * r + splat(7.632564028e-6f);
  e = e * r + splat(-7.595034905e-5f);
  e = e * r + splat(6.075710614e-4f);
  e = e * r + splat(-3.645479728e-3f);
  e = e * r + splat(1.458192175e-2f);
  e = e * r + splat(-2.916384246e-2f);
  f32x p = t + splat(-4.939692250f);
  p = p * t + splat(8.774600610f);
  p = p * t + splat(-5.465399066f);
  p = p * t + splat(7.976746890e-1f);
  p = p * t + splat(-3.620050083f);
  p = p * t + splat(-4.108359641f);
  p = p * t + splat(-4.795812804f);
  p = p * t + splat(-4.787478160f);
  return {.negative_a = n,
          .below = scale_by_power(e * (t * p), k, shifted),
          .density = scale_by_power(e * splat(-13.679345613f), k, shifted)};
}

}  // namespace PC_VARIANT
}  // namespace pc::simd
