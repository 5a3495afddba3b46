// Every op of the engine: checks shapes, computes, and records the backward rule. One file each in engine/ops/.
#pragma once

#include "engine/var.h"
#include "kernels/augment/augment.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/mix/mix.h"

namespace pc {

// What is done in one pass, or side by side, although it could be two. bench_step --ablate changes one.
struct Fusions {
  bool norm_pool = true, norm_mean = true;
  bool dgrad_add = true;  // conv2d adds dx to what other ops have given for x
  bool branches = true;   // conv2d's two gradients run side by side
  // On CUDA; off, for no GPU has timed them yet.
  bool conv_sums = false;  // f16: conv2d leaves the sums that batch_norm wants
  bool norm_conv = false;  // f16: a norm between two convolutions is part of the second; conv_sums saves it one pass
  bool persistent_norm = false;  // batch_norm's training passes
};
Fusions& fusions();

struct Conv2dOptions {
  int stride = 1, pad = 0;
};
// Of x and w with these shapes; throws where they do not go together.
Conv2dShape conv2d_shape(Device device, DType dtype, const Shape& x, const Shape& w, const Conv2dOptions& options);
// x [n,h,w,c], w [k,r,s,c] -> [n,p,q,k]. x may have the device's best_channels(c) instead (kernels/conv2d/conv2d.h).
// sums: where to leave those of y and of y * y, f32 [2,k], with fusions().conv_sums where the device can.
Var conv2d(const Var& x, const Var& w, const Conv2dOptions& options, Tensor* sums = nullptr);

struct BatchNormOptions {
  bool training = true, relu = false;
  float momentum = 0.1f, eps = 1e-5f;
  Tensor sums = {};  // training: of x, where conv2d has left them
};
// x [n,h,w,c]; gamma, beta [c]; running statistics [c] move in training; residual (may be empty) is added before the ReLU.
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
               const Var& residual, const BatchNormOptions& options);

// conv2d(relu(batch_norm(x)), w) without the map in between, in training where all of it is learnt, with fusions().norm_conv where the
// device can (kernels/norm_conv/norm_conv.h); else the two ops. options.relu and a residual do not apply. sums: as conv2d leaves them.
Var norm_conv(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
              const BatchNormOptions& norm, const Var& w, const Conv2dOptions& conv, Tensor* sums = nullptr);

struct MaxPoolOptions {
  int kernel_size = 3, stride = 2, pad = 1;
};
Var max_pool(const Var& x, const MaxPoolOptions& options);

// max_pool(relu(batch_norm(x))) without the map in between; options.relu and a residual do not apply.
Var norm_pool(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
              const BatchNormOptions& norm, const MaxPoolOptions& pool);

// x [n,h,w,c] -> [n,c]
Var global_avg_pool(const Var& x);

// global_avg_pool(relu(batch_norm(x) + residual)) without the map in between; options.relu does not apply.
Var norm_mean(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var, const Var& residual,
              const BatchNormOptions& norm);

// x [n,in], w [out,in], b [out] -> f32 logits [n,out]
Var linear(const Var& x, const Var& w, const Var& b);

// Targets of a batch: a, b i32 [n], lambda f32 [n]; see kernels/cross_entropy/cross_entropy.h. Plain labels have neither b nor lambda.
struct Targets {
  Tensor a, b = {}, lambda = {};
  static Targets of(const std::vector<int32_t>& labels, Device device);
};
// logits f32 [n,classes] -> scalar mean loss
// class_weights: f32 [classes], positive; empty: 1 each.
Var cross_entropy(const Var& logits, const Targets& targets, float smoothing = 0, const Tensor& class_weights = {});

// The channels of the network's input as conv2d reads it fastest on this device: 3, or more of which the rest are 0.
int picture_channels(Device device, DType dtype);
// Pictures on `device`, samples of one batch -> the network's input [n, out_h, out_w, picture_channels] of `dtype`.
Tensor augment(const AugmentShape& shape, DType dtype, Device device, const AugmentSource& source,
               const std::vector<AugmentSample>& samples);
// The same with AugmentSamples that lie on the device: u8 [n * sizeof(AugmentSample)].
Tensor augment(const AugmentShape& shape, DType dtype, const AugmentSource& source, const Tensor& samples);

// Mixes the pictures of a fresh batch, as augment makes them, in place, one MixPair for every two, on their device:
// u8 [n / 2 * sizeof(MixPair)]; see kernels/mix/mix.h.
void mix(Tensor& pictures, const Tensor& pairs);

}  // namespace pc
