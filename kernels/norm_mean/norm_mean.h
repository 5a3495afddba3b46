// norm_mean: y[n,c] = mean over h, w of relu(batch_norm(x) + residual), the end of a network in one op, so that its
// last map is neither written nor read, nor the gradient of the mean spread over it.
//
// With z = relu(gamma * (x - mean) * invstd + beta + residual), see batch_norm.h for the statistics:
//   g[n,h,w,c] = dy[n,c] / (h * w) where z > 0
//   dgamma, dbeta, dx, dresidual follow from g as in batch_norm.h
// g is the same wherever a picture lets it through, so its sums need no pass over x: CUDA counts the places with z > 0
// and adds up their x - mean on the way forward.
#pragma once

#include "kernels/batch_norm/batch_norm.h"

namespace pc {

struct NormMeanShape {
  int n, hw, c;
  float eps = 1e-5f;
  BatchNormShape norm() const { return {.rows = int64_t(n) * hw, .c = c, .eps = eps}; }
};

// The arguments are batch_norm's, but y and dy are [n, c], relu is taken for granted, and in place of the mask stand
// saved_bytes at a multiple of 4 (null where no backward pass follows).
struct NormMeanKernels {
  int64_t (*saved_bytes)(const NormMeanShape&);
  void (*forward_train)(const NormMeanShape&, DType, const BatchNormForward&);
  void (*forward_eval)(const NormMeanShape&, DType, const BatchNormForward&);
  void (*backward)(const NormMeanShape&, DType, const BatchNormBackward&);
};
extern const NormMeanKernels norm_mean_cpu, norm_mean_cuda;

}  // namespace pc
