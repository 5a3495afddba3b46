// The activations and their derivatives on CUDA, for every kernel that applies one; activation_simd.h has the same for
// the CPU. The kind is the same in a whole launch: a kernel branches once, and needs no instance per kind.
//
// expf is at most 2 ulp off and erfcf at most 5 (CUDA C++ Programming Guide, "Mathematical Functions").
#pragma once

#include "kernels/activation/activation.h"
#include "kernels/runtime/launch.cuh"

namespace pc {

// Comparisons are written so that NaN passes.
__device__ inline float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

// 1 / (1 + e^-x) and 1 minus it, both without cancellation.
struct Logistic {
  float value, complement;
};
__device__ inline Logistic logistic(float x) {
  const float e = expf(x < 0 ? x : -x), large = 1 / (1 + e), small = e * large;
  return x < 0 ? Logistic{small, large} : Logistic{large, small};
}

__device__ inline float normal_cdf(float x) { return 0.5f * erfcf(-0.707106781f * x); }
__device__ inline float normal_density(float x) { return 0.398942280f * expf(-0.5f * x * x); }

// 2u of gelu_tanh, and its derivative.
__device__ inline float gelu_tanh_argument(float x) { return 1.59576912f * x * (1 + 0.044715f * (x * x)); }
__device__ inline float gelu_tanh_argument_slope(float x) { return 1.59576912f * (1 + 3 * 0.044715f * (x * x)); }

template <Activation A>
__device__ inline float activate(float x) {
  using enum Activation;
  if constexpr (A == none) return x;
  if constexpr (A == relu) return x < 0 ? 0.0f : x;
  if constexpr (A == relu6) return clamp(x, 0, 6);
  if constexpr (A == sigmoid) return logistic(x).value;
  if constexpr (A == silu) return x * logistic(x).value;
  if constexpr (A == hardsigmoid) return clamp(x + 3, 0, 6) * (1.0f / 6);
  if constexpr (A == hardswish) return x * clamp(x + 3, 0, 6) * (1.0f / 6);
  if constexpr (A == gelu) return x * normal_cdf(x);
  if constexpr (A == gelu_tanh) return x * logistic(gelu_tanh_argument(x)).value;
}

template <Activation A>
__device__ inline float activation_slope(float x) {
  using enum Activation;
  if constexpr (A == none) return 1;
  if constexpr (A == relu) return x <= 0 ? 0.0f : 1.0f;
  if constexpr (A == relu6) return x <= 0 || x >= 6 ? 0.0f : 1.0f;
  if constexpr (A == hardsigmoid) return x > -3 && x < 3 ? 1.0f / 6 : 0.0f;
  if constexpr (A == hardswish) return x < -3 ? 0.0f : x >= 3 ? 1.0f : x * (1.0f / 3) + 0.5f;
  if constexpr (A == sigmoid) {
    const Logistic s = logistic(x);
    return s.value * s.complement;
  }
  if constexpr (A == silu) {
    const Logistic s = logistic(x);
    return s.value * (1 + x * s.complement);
  }
  if constexpr (A == gelu) return normal_cdf(x) + x * normal_density(x);
  if constexpr (A == gelu_tanh) {
    const Logistic s = logistic(gelu_tanh_argument(x));
    return s.value * (1 + x * s.complement * gelu_tanh_argument_slope(x));
  }
}

// Calls f with the activation as a constant of the compiler.
template <class F>
__device__ inline void with_activation(Activation activation, F&& f) {
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
}

// Eight bits of relu's mask: 0 where x <= 0, so that NaN has 1.
__device__ inline uint8_t relu_bits(const float (&x)[kVecWidth], int count) {
  unsigned bits = 0;
#pragma unroll
  for (int j = 0; j < kVecWidth; ++j) bits |= unsigned(j < count && !(x[j] <= 0)) << j;
  return uint8_t(bits);
}

}  // namespace pc
