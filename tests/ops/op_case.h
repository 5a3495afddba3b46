// OpCase: one case of an op, the only thing that its tests and its benchmark are made from. README.md says how to write
// one; bench/op_timing.h times it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/ops.h"
#include "tests/ops/values.h"

namespace pc::test {

struct OpInput {
  Shape shape;
  bool f32 = false;              // in any case, as parameters and gates are; else of the case's type
  bool rounded = false;          // f32, but the op rounds it to the case's type, on CUDA its gradient too: weights
  bool differentiable = true;    // the op gives its gradient
  bool read_by_backward = true;  // counts for the bytes of the backward pass
  double scale = 1, shift = 0;   // of its random values
};

struct OpCase {
  std::string name;
  std::vector<OpInput> inputs;
  std::function<Values(const std::vector<Values>& inputs)> reference;  // the formula as plain loops
  std::function<Var(const std::vector<Var>& inputs)> run;
  double accuracy = 4e-6;                // of f32 arithmetic, relative to the size of the terms
  double flops = 0, backward_flops = 0;  // for the benchmark
};

// Values, and the gradient of every differentiable input, against the reference; the gradients by its differences. Every
// type of the device; on a GPU also with inputs that are not 16-byte aligned. On the CPU a read past an input is a crash;
// elsewhere a write past a tensor is found when it is freed, and what is not written is NaN.
void check_values(const std::vector<OpCase>& cases, Device device);
// One NaN or infinity in an input gives what it gives in the reference.
void check_special_values(const std::vector<OpCase>& cases, Device device);
// On the CPU: the same bits with 1, 2 and 5 threads, forward and backward.
void check_threads(const std::vector<OpCase>& cases);

}  // namespace pc::test
