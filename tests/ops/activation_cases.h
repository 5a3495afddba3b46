// The cases of activation.
#pragma once

#include "tests/ops/activation_reference.h"
#include "tests/ops/op_case.h"

namespace pc::test {

// Per element, as activation_simd.h computes it: e^x takes 22, the normal distribution 46.
inline double activation_flops(Activation kind) {
  using enum Activation;
  return kind == gelu ? 48 : kind == gelu_tanh ? 32 : kind == silu || kind == sigmoid ? 26 : 4;
}

inline OpCase activation_case(Activation kind, const Shape& shape) {
  const double n = double(element_count(shape));
  return {.name = std::string(name_of(kind)) + " " + to_string(shape),
          .inputs = {{.shape = shape, .backward_reads = kind != Activation::relu, .scale = 2}},
          .reference =
              [=](const std::vector<Values>& in) {
                Values y;
                for (const double x : in[0]) y.push_back(activation_reference(kind, x));
                return y;
              },
          .run = [=](const std::vector<Var>& in) { return activation(in[0], kind); },
          .flops = activation_flops(kind) * n,
          .backward_flops = (activation_flops(kind) + 4) * n};
}

inline std::vector<OpCase> activation_cases() {
  std::vector<OpCase> cases;
  for (const Activation kind : kActivations) {
    cases.push_back(activation_case(kind, {2, 3, 5, 7}));
    cases.push_back(activation_case(kind, {3, 33333}));                       // several blocks of the CPU
    const bool every = kind == Activation::relu || kind == Activation::silu;  // with a mask, and without
    for (int64_t n = 1; every && n <= 37; n += n < 18 ? 1 : 3) cases.push_back(activation_case(kind, {n}));
  }
  return cases;
}

inline std::vector<OpCase> activation_timed() {
  std::vector<OpCase> cases;
  for (const Activation kind : kActivations)
    if (kind != Activation::none) cases.push_back(activation_case(kind, {64, 1 << 21}));
  return cases;
}

}  // namespace pc::test
