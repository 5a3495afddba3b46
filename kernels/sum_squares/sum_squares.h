// sum_squares: the sum of x_i^2 over many tensors, for gradient norms and for the check that every gradient is finite.
#pragma once

#include <span>

#include "kernels/runtime/select.h"

namespace pc {

struct SumSquaresTensor {
  int64_t n;
  const float* x;
};

struct SumSquaresKernels {
  // *sum += the sum of squares of all values; `sum` is one f64 on the device. The order of summation is fixed: the same
  // bits every time.
  // A non-finite x makes the sum non-finite.
  void (*accumulate)(std::span<const SumSquaresTensor>, double* sum);
};
extern const SumSquaresKernels sum_squares_cpu, sum_squares_cuda;

}  // namespace pc
