// layer_norm: y = gamma * xhat + beta, xhat = (x - mean) * invstd, for each row of x [rows, c]: the last axis. mean and the
// biased variance are the row's own, invstd = 1 / sqrt(var + eps).
// Backward, with g = dy * gamma and means over the row:
//   dx = invstd * (g - mean(g) - xhat * mean(g * xhat)),  dgamma = sum over the rows of dy * xhat,  dbeta = … of dy
// Ba, Kiros & Hinton, "Layer Normalization", 2016.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct LayerNormShape {
  int64_t rows;
  int c;
  float eps;
};

// x, y, dy, dx are of `dtype` (f32, bf16; f16 on CUDA), [rows, c]; all others f32: mean and invstd [rows], which the
// backward pass needs, and [c].
struct LayerNormForward {
  const void* x;
  const float* gamma;
  const float* beta;
  void* y;
  float* mean;
  float* invstd;
};

struct LayerNormBackward {
  const void* dy;
  const void* x;
  const float* gamma;
  const float* mean;
  const float* invstd;
  void* dx;
  float* dgamma;
  float* dbeta;
};

struct LayerNormKernels {
  void (*forward)(const LayerNormShape&, DType, const LayerNormForward&);
  void (*backward)(const LayerNormShape&, DType, const LayerNormBackward&);
};
extern const LayerNormKernels layer_norm_cpu, layer_norm_cuda;

}  // namespace pc
