// Checks a convolution on CUDA at sampled positions against direct sums: the verification of cuDNN's engines in
// conv2d_tune.
#pragma once

#include <vector>

#include "kernels/conv2d/conv2d_graph.h"

namespace pc {

// The tensors of a pass on the device; bias and residual if the ConvKey has them. For a pass with `add`, residual is
// the value of dx before the pass.
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

// The errors of the pass's result at `samples` positions distributed over it (at all positions if it has fewer), in
// units of the square root of the sum of squares of the terms: rounding to 16 bits gives about 0.01. NaN if the result
// is NaN. Waits for the device.
std::vector<float> conv2d_errors(const ConvKey& key, const ConvTensors& tensors, int samples);

// The errors of all sums that a pass wrote, compared with sums over its y (norm_backward_data: dbeta and dgamma, with
// sums over its dx), in the same units.
std::vector<float> conv2d_sum_errors(const ConvKey& key, const ConvTensors& tensors);

// Fills with n values uniform in (-1, 1).
void conv2d_fill(int64_t n, DType dtype, uint32_t seed, void* to);

}  // namespace pc
