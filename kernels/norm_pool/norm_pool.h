// norm_pool: y = max_pool(relu(batch_norm(x))), the end of a stem in one op: the large feature map between batch norm
// and pooling is neither written nor read.
//
// With z = relu(gamma * (x - mean) * invstd + beta) in the type of x, y[n,p,q,c] is the maximum of z over a window; see
// batch_norm.h for the statistics and max_pool.h for which of several equal maxima gets the gradient.
//   g[n,h,w,c] = sum of dy over the windows whose first maximum is at h, w, if z > 0 there, else 0
//   dgamma, dbeta, dx follow from g as in batch_norm.h
// The CPU keeps the mask and the positions of the maxima in `saved`; CUDA recomputes them from x and y, which costs
// arithmetic but no memory traffic.
#pragma once

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/max_pool/max_pool.h"

namespace pc {

struct NormPoolShape {
  MaxPoolShape pool;  // of z
  BatchNormShape norm() const { return {.rows = int64_t(pool.n) * pool.h * pool.w, .c = pool.c}; }
  int64_t y_size() const { return int64_t(pool.n) * pool.p() * pool.q() * pool.c; }
};

// x, y, dy, dx are of `dtype` (f32, bf16; f16 on CUDA), [n, h, w, c] and [n, p, q, c]; every vector is f32, [c].
struct NormPoolForward {
  const void* x;
  const float* gamma;
  const float* beta;
  Required<float> eps, momentum;  // momentum: training
  bool training = true;
  float* running_mean = nullptr;  // updated in training, read in evaluation
  float* running_var = nullptr;
  void* y = nullptr;
  float* mean = nullptr;  // out, for the backward pass
  float* invstd = nullptr;
  uint8_t* saved = nullptr;  // out, saved_bytes; null if saved_bytes is 0 or no backward pass follows
};

struct NormPoolBackward {
  const void* dy;
  const void* x;
  const void* y;
  const float* gamma;
  const float* beta;
  const float* mean;
  const float* invstd;
  const uint8_t* saved = nullptr;
  bool training = true;
  void* dx = nullptr;
  float* dgamma = nullptr;
  float* dbeta = nullptr;
};

struct NormPoolKernels {
  int64_t (*saved_bytes)(const NormPoolShape&);
  void (*forward)(const NormPoolShape&, DType, const NormPoolForward&);
  void (*backward)(const NormPoolShape&, DType, const NormPoolBackward&);
};
extern const NormPoolKernels norm_pool_cpu, norm_pool_cuda;

}  // namespace pc
