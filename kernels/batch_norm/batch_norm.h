// batch_norm: y = f(z), z = gamma * (x - mean) * invstd + beta + residual?, per channel of an NHWC tensor; f is an activation
// (kernels/activation/activation.h).
//
// Training uses the batch's mean and variance (biased; invstd = 1/sqrt(var + eps)) and updates the running statistics:
//   running += momentum * (batch - running), the variance unbiased (m / (m - 1), m = rows), as PyTorch does.
// Backward, with g = dy * f'(z) and xhat = (x - mean) * invstd:
//   dgamma = sum g * xhat,  dbeta = sum g,  dresidual = g
//   dx = gamma * invstd * (g - dbeta / m - xhat * dgamma / m)   in training
//   dx = gamma * invstd * g                                     in evaluation
// relu keeps the sign of z as a mask of one bit; for the others z is computed again from x, so they take no residual.
// Ioffe & Szegedy, "Batch Normalization", ICML 2015.
#pragma once

#include "kernels/activation/activation.h"
#include "kernels/base/required.h"
#include "kernels/runtime/select.h"

namespace pc {

struct BatchNormShape {
  int64_t rows;  // n * h * w
  int c;
  std::size_t map_bytes(DType dtype) const { return std::size_t(rows) * std::size_t(c) * size_of(dtype); }
  // Bytes of the ReLU mask: one bit per element, each row padded to whole bytes; bit i of byte j is channel 8j + i, 1
  // where y > 0.
  int64_t mask_bytes() const { return rows * ((c + 7) / 8); }
};

// Whether the backward pass computes z again, from x, gamma and beta.
constexpr bool recomputes(Activation f) { return f != Activation::none && f != Activation::relu; }

// x, residual, y, dy, dx are of `dtype` (f32, bf16; f16 on CUDA), [rows, c]; every vector is f32, [c].
struct BatchNormForward {
  const void* x;
  const float* gamma;
  const float* beta;
  Required<float> eps, momentum;   // momentum: training
  const void* residual = nullptr;  // null: none
  Activation activation = Activation::none;
  float* running_mean = nullptr;  // updated in training, read in evaluation
  float* running_var = nullptr;
  void* y = nullptr;
  float* mean = nullptr;  // out: needed by the backward pass (evaluation: of the running statistics)
  float* invstd = nullptr;
  uint8_t* mask = nullptr;      // out, of relu; null if no backward pass follows
  bool persistent = false;      // training on CUDA: in one launch that reads x once, if x fits on chip
  const float* sums = nullptr;  // training on CUDA: of x and of x * x [2, c], if conv2d computed them; null: none
};

struct BatchNormBackward {
  const void* dy;
  const void* x;
  const float* gamma;
  const float* mean;
  const float* invstd;
  Activation activation = Activation::none;
  const uint8_t* mask = nullptr;  // of relu
  const float* beta = nullptr;    // of what recomputes()
  bool training = true;
  void* dx = nullptr;
  void* dresidual = nullptr;  // null: no residual
  float* dgamma = nullptr;
  float* dbeta = nullptr;
  bool persistent = false;  // training on CUDA: in one launch that reads dy and x once, if they fit on chip
};

struct BatchNormKernels {
  void (*forward_train)(const BatchNormShape&, DType, const BatchNormForward&);
  void (*forward_eval)(const BatchNormShape&, DType, const BatchNormForward&);
  void (*backward)(const BatchNormShape&, DType, const BatchNormBackward&);
};
extern const BatchNormKernels batch_norm_cpu, batch_norm_cuda;

}  // namespace pc
