// The activations in f64.
#pragma once

#include <cmath>

#include "kernels/activation/activation.h"

namespace pc::test {

inline double activation_reference(Activation kind, double x) {
  const auto three = [=] { return std::fmin(std::fmax(x + 3, 0), 6) / 6; };
  const auto sigmoid = [=] { return 1 / (1 + std::exp(-x)); };
  switch (kind) {
    case Activation::relu:
      return x < 0 ? 0 : x;
    case Activation::relu6:
      return x < 0 ? 0 : x > 6 ? 6 : x;
    case Activation::sigmoid:
      return sigmoid();
    case Activation::silu:
      return x * sigmoid();
    case Activation::hardsigmoid:
      return std::isnan(x) ? x : three();
    case Activation::hardswish:
      return x * three();
    case Activation::gelu:
      return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::gelu_tanh:
      return x * 0.5 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case Activation::none:
      break;
  }
  return x;
}

}  // namespace pc::test
