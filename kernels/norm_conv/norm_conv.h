// norm_conv: y = conv2d(z, w) of z = relu(batch_norm(x)) in training, without z in memory: cuDNN's f16 engines
// recompute z wherever they read it. batch_norm.h and conv2d.h have the formulas.
//
// The engines require z = relu(x * scale + shift) with 16-bit scale = gamma * invstd and shift = beta - mean * scale.
// The shift is computed with the rounded scale, so that only the shift's own rounding changes z: by up to 2^-11 of
// |mean| * invstd. The backward pass is the derivative of this computation: its mask comes from the same rounded
// numbers, in f32. cuDNN does not document whether its ReLU propagates NaN (dgamma and dx propagate it in any case),
// nor whether the engines round between scale and shift.
#pragma once

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/conv2d/conv2d.h"

namespace pc {

// The forward pass saves for the backward pass: mean; invstd; gamma and beta such that
// (x - mean) * invstd * gamma + beta equals x * scale + shift; then scale and shift, 16-bit.
constexpr int kNormConvSavedRows = 5;  // rows of c floats

struct NormConvForward {
  const void* x;       // f16 [n, h, w, c]
  const float* gamma;  // f32 [c], as are beta and the running statistics, which are updated
  const float* beta;
  Required<float> eps, momentum;
  float* running_mean;
  float* running_var;
  const float* sums = nullptr;  // of x and of x * x, f32 [2, c], if a convolution computed them; null: none
  const void* w;                // f16 [k, r, s, c]
  void* y;                      // out: f16 [n, p, q, k]
  float* y_sums;                // out: of y and of y * y, f32 [2, k]
  float* saved;                 // out: f32 [kNormConvSavedRows, c]
};

struct NormConvBackward {
  const void* dy;
  const void* x;
  const void* w;
  const float* gamma;
  const float* saved;
  bool branches;  // compute the two gradients concurrently
  void* dx;       // f16
  float* dgamma;
  float* dbeta;
  float* dw;
};

struct NormConvKernels {
  // Whether the device can do all passes for this shape and type; the other functions may be called only then.
  bool (*takes)(const Conv2dShape&, DType);
  void (*forward)(const Conv2dShape&, const NormConvForward&) = nullptr;
  void (*backward)(const Conv2dShape&, const NormConvBackward&) = nullptr;
};
extern const NormConvKernels norm_conv_cpu, norm_conv_cuda;

}  // namespace pc
