// Checks a convolution on CUDA at some of its places, by plain sums of its own: what the choice among cuDNN's engines
// trusts.
#pragma once

#include <vector>

#include "kernels/conv2d/conv2d_graph.h"

namespace pc {

// The tensors of a pass on the device; bias and residual as ConvKey says. The residual of a pass that adds is what its
// result held before.
struct ConvTensors {
  const void* x;
  const void* w;
  const void* y;
  const void* bias = nullptr;
  const void* residual = nullptr;
  float* sums = nullptr;         // out: of y and of y * y [2, k]; norm_backward_data: dbeta, dgamma, a, b, c [5, c]
  const void* affine = nullptr;  // norm_forward, norm_backward_weight: scale and shift [2, c]
  const void* norm_x = nullptr;  // norm_backward_data
  const float* norm = nullptr;   // norm_backward_data: mean, invstd, gamma, beta [4, c]
};

// How far what the pass wrote is off at `samples` places (all, where there are fewer) spread over its result, in units
// of the root of the sum of squares of the terms: rounding to 16 bits leaves about 0.01. NaN where the result is NaN.
// Waits for the device.
std::vector<float> conv2d_errors(const ConvKey& key, const ConvTensors& tensors, int samples);

// How far the sums that a pass wrote are from those of its y (norm_backward_data: dbeta and dgamma of its dx), in the
// same units; all of them.
std::vector<float> conv2d_sum_errors(const ConvKey& key, const ConvTensors& tensors);

// n values uniform in (-1, 1).
void conv2d_fill(int64_t n, DType dtype, uint32_t seed, void* to);

}  // namespace pc
