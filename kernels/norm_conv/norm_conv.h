// norm_conv: y = conv2d(z, w) of z = relu(batch_norm(x)) in training, without z in memory: cuDNN's f16 engines make it
// again wherever they read it. batch_norm.h and conv2d.h have the formulas.
//
// The engines want z = relu(x * scale + shift) with 16-bit scale = gamma * invstd and shift = beta - mean * scale. The
// shift is made with the rounded scale, so that only its own rounding moves z: by up to 2^-11 of |mean| * invstd. The
// backward pass takes the derivative of what was computed: its mask comes from the same rounded numbers, in f32.
// Whether cuDNN's ReLU lets NaN through is not told; dgamma and dx have it in any case. Nor is it told whether the
// engines round once more between scale and shift.
#pragma once

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/conv2d/conv2d.h"

namespace pc {

// What the forward pass leaves for the backward pass: mean, invstd, and gamma and beta with which
// (x - mean) * invstd * gamma + beta is x * scale + shift; then scale and shift themselves, 16-bit.
constexpr int kNormConvSavedRows = 5;  // of c floats

struct NormConvForward {
  const void* x;       // f16 [n, h, w, c]
  const float* gamma;  // f32 [c], like beta and the running statistics, which move
  const float* beta;
  float eps, momentum;
  float* running_mean;
  float* running_var;
  const float* sums = nullptr;  // of x and of x * x, f32 [2, c], where a convolution left them; null: none
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
  bool branches;  // the two gradients side by side
  void* dx;       // f16
  float* dgamma;
  float* dbeta;
  float* dw;
};

struct NormConvKernels {
  // Whether the device has all of it for this shape and type; the others may be called only then.
  bool (*takes)(const Conv2dShape&, DType);
  void (*forward)(const Conv2dShape&, const NormConvForward&) = nullptr;
  void (*backward)(const Conv2dShape&, const NormConvBackward&) = nullptr;
};
extern const NormConvKernels norm_conv_cpu, norm_conv_cuda;

}  // namespace pc
