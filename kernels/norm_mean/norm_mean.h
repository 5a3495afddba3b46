// norm_mean: y[n,c] = mean over h, w of relu(batch_norm(x) + residual), the end of a network in one op: the last
// feature map is neither written nor read, and the gradient of the mean is not broadcast in memory.
//
// With z = relu(gamma * (x - mean) * invstd + beta + residual), see batch_norm.h for the statistics:
//   g[n,h,w,c] = dy[n,c] / (h * w) where z > 0
//   dgamma, dbeta, dx, dresidual follow from g as in batch_norm.h
// Per image and channel, g has one value at all positions with z > 0, so its sums need no pass over x in the backward
// pass: on CUDA the forward pass counts the positions with z > 0 and sums their x - mean.
#pragma once

#include "kernels/batch_norm/batch_norm.h"

namespace pc {

struct NormMeanShape {
  int n, hw, c;
  BatchNormShape norm() const { return {.rows = int64_t(n) * hw, .c = c}; }
};

// The arguments are batch_norm's, except: y and dy are [n, c], ReLU is always applied, and `mask` is a buffer of
// saved_bytes, 4-byte aligned (null if no backward pass follows).
struct NormMeanKernels {
  int64_t (*saved_bytes)(const NormMeanShape&);
  void (*forward_train)(const NormMeanShape&, DType, const BatchNormForward&);
  void (*forward_eval)(const NormMeanShape&, DType, const BatchNormForward&);
  void (*backward)(const NormMeanShape&, DType, const BatchNormBackward&);
};
extern const NormMeanKernels norm_mean_cpu, norm_mean_cuda;

}  // namespace pc
