// The activations and their derivatives on vectors, for every CPU kernel that applies one; only *_simd.cpp files may
// include this. activation.cuh has the same for CUDA.
#pragma once

#include <type_traits>

#include "kernels/activation/activation.h"
#include "kernels/base/error.h"
#include "kernels/runtime/simd_math.h"

namespace pc::simd {
inline namespace PC_VARIANT {

// 2u of gelu_tanh, and its derivative.
[[gnu::always_inline]] static inline f32x gelu_tanh_argument(f32x x) {
  return x * splat(1.59576912f) * (splat(1) + splat(0.044715f) * (x * x));
}
[[gnu::always_inline]] static inline f32x gelu_tanh_argument_slope(f32x x) {
  return splat(1.59576912f) * (splat(1) + splat(3 * 0.044715f) * (x * x));
}

// x * P(X <= x) as max(x, 0) - a * P(X <= -a) with a = |x|; NaN at -infinity, as 0 * infinity is.
[[gnu::always_inline]] static inline f32x gelu(f32x x) {
  const NormalTail at = normal_tail(x);
#ifdef __AVX512F__
  // Four bits for each class of numbers: negative ones become 0, -infinity NaN, all others stay.
  const f32x above = _mm512_fixupimm_ps(x, x, _mm512_set1_epi32(0x08020000), 0);
#else
  const f32x above = x * (x < f32x{} ? f32x{} : splat(1));
#endif
  return at.negative_a * at.below + above;
}
[[gnu::always_inline]] static inline f32x gelu_slope(f32x x) {
  const NormalTail at = normal_tail(x);
  return (x < f32x{} ? at.below : splat(1) - at.below) + x * at.density;
}

template <Activation A>
[[gnu::always_inline]] static inline f32x activate(f32x x) {
  using enum Activation;
  if constexpr (A == none) return x;
  if constexpr (A == relu) return simd::relu(x);
  if constexpr (A == relu6) return clamp(x, 0, 6);
  if constexpr (A == sigmoid) return logistic(x).value;
  if constexpr (A == silu) return x * logistic(x).value;
  if constexpr (A == hardsigmoid) return clamp(x + splat(3), 0, 6) * splat(1.0f / 6);
  if constexpr (A == hardswish) return x * clamp(x + splat(3), 0, 6) * splat(1.0f / 6);
  if constexpr (A == gelu) return simd::gelu(x);
  if constexpr (A == gelu_tanh) return x * logistic(gelu_tanh_argument(x)).value;
}

template <Activation A>
[[gnu::always_inline]] static inline f32x activation_slope(f32x x) {
  using enum Activation;
  const f32x zero = {}, one = splat(1);
  if constexpr (A == none) return one;
  if constexpr (A == relu) return x <= zero ? zero : one;
  if constexpr (A == relu6) return x <= zero ? zero : (x >= splat(6) ? zero : one);
  if constexpr (A == hardsigmoid) return x > splat(-3) ? (x < splat(3) ? splat(1.0f / 6) : zero) : zero;
  if constexpr (A == hardswish) {
    const f32x slope = x * splat(1.0f / 3) + splat(0.5f);
    return x < splat(-3) ? zero : (x >= splat(3) ? one : slope);
  }
  if constexpr (A == sigmoid) {
    const Logistic s = logistic(x);
    return s.value * s.complement;
  }
  if constexpr (A == silu) {
    const Logistic s = logistic(x);
    return s.value * (one + x * s.complement);
  }
  if constexpr (A == gelu) return simd::gelu_slope(x);
  if constexpr (A == gelu_tanh) {
    const Logistic s = logistic(gelu_tanh_argument(x));
    return s.value * (one + x * s.complement * gelu_tanh_argument_slope(x));
  }
}

// relu's mask: bit i is 0 where lane i is <= 0; NaN has 1.
[[gnu::always_inline]] static inline uint32_t relu_bits(f32x x) { return positive(x != x ? splat(1) : x); }

// Calls f with the activation as a constant of the compiler.
template <class F>
[[gnu::always_inline]] static inline void with_activation(Activation activation, F&& f) {
  using enum Activation;
  switch (activation) {
    case none:
      return f(std::integral_constant<Activation, none>());
    case relu:
      return f(std::integral_constant<Activation, relu>());
    case relu6:
      return f(std::integral_constant<Activation, relu6>());
    case silu:
      return f(std::integral_constant<Activation, silu>());
    case hardswish:
      return f(std::integral_constant<Activation, hardswish>());
    case hardsigmoid:
      return f(std::integral_constant<Activation, hardsigmoid>());
    case sigmoid:
      return f(std::integral_constant<Activation, sigmoid>());
    case gelu:
      return f(std::integral_constant<Activation, gelu>());
    case gelu_tanh:
      return f(std::integral_constant<Activation, gelu_tanh>());
  }
  fail_shape("activation: no such kind");
}

[[gnu::noinline]] static inline f32x activate_by_call(f32x x, Activation activation) {
  with_activation(activation, [&](auto kind) { x = activate<kind.value>(x); });
  return x;
}
// For kernels whose time is elsewhere: none and relu in line, the others by a call.
[[gnu::always_inline]] static inline f32x activate(f32x x, Activation activation) {
  if (activation == Activation::none) return x;
  return activation == Activation::relu ? simd::relu(x) : activate_by_call(x, activation);
}

}  // namespace PC_VARIANT
}  // namespace pc::simd
