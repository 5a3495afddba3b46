// activation: y = f(x), element by element.
//
//   relu         max(x, 0)                              relu6       min(max(x, 0), 6)
//   sigmoid      1 / (1 + exp(-x))                      silu        x * sigmoid(x)
//   hardsigmoid  min(max(x + 3, 0), 6) / 6              hardswish   x * hardsigmoid(x)
//   gelu         x * Phi(x), Phi the normal distribution's cdf, (1 + erf(x / sqrt 2)) / 2
//   gelu_tanh    x * sigmoid(2u), u = sqrt(2 / pi) * (x + 0.044715 x^3); equal to x * (1 + tanh u) / 2
// Backward: dx = dy * f'(x), from x; relu stores one bit per element instead, so that x need not be kept.
//
// At the kinks, and at NaN and infinity, values and derivatives are PyTorch's: relu' and relu6' are 0 at 0, relu6' is 0
// at 6, hardsigmoid' is 0 at -3 and 3, hardswish' is -1/2 at -3 and 1 at 3; relu and relu6 give NaN the slope 1.
// Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016; Howard et al., "Searching for MobileNetV3", ICCV 2019.
#pragma once

#include <string>

#include "kernels/runtime/select.h"

namespace pc {

enum class Activation : uint8_t { none, relu, relu6, silu, hardswish, hardsigmoid, sigmoid, gelu, gelu_tanh };
inline constexpr Activation kActivations[] = {Activation::none,    Activation::relu,      Activation::relu6,
                                              Activation::silu,    Activation::hardswish, Activation::hardsigmoid,
                                              Activation::sigmoid, Activation::gelu,      Activation::gelu_tanh};

const char* name_of(Activation);                           // "none", "relu", …
Activation activation_from_name(const std::string& name);  // throws Error(usage) for an unknown name

// Bytes of relu's mask for n elements; bit i of byte j is element 8j + i, 0 where x <= 0.
constexpr int64_t relu_mask_bytes(int64_t n) { return (n + 7) / 8; }

struct ActivationKernels {
  // n elements of `dtype` (f32, bf16; f16 on CUDA), computed in f32. mask: out, of relu only; null if no backward pass
  // follows.
  void (*forward)(int64_t n, DType, Activation, const void* x, void* y, uint8_t* mask);
  // relu reads mask and not x, all others x and not mask.
  void (*backward)(int64_t n, DType, Activation, const void* dy, const void* x, const uint8_t* mask, void* dx);
};
extern const ActivationKernels activation_cpu, activation_cuda;

}  // namespace pc
