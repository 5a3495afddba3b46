// The ops of the engine: each checks shapes, computes, and records its backward rule. One file per op in engine/ops/.
#pragma once

#include "engine/var.h"
#include "kernels/activation/activation.h"
#include "kernels/augment/augment.h"
#include "kernels/base/required.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/mix/mix.h"

namespace pc {

// Optional fusions: work done in one pass, or concurrently, instead of in two steps. bench_step --ablate toggles one.
struct Fusions {
  bool norm_pool = true, norm_mean = true;
  bool dgrad_add = true;  // conv2d adds dx to the gradient that other ops gave for x
  bool branches = true;   // conv2d's two gradients run concurrently
  // CUDA only; off because they have not been timed on a GPU.
  bool conv_sums = false;  // f16: conv2d computes the sums that batch_norm needs
  bool norm_conv = false;  // f16: a norm between two convolutions is fused into the second; conv_sums saves one pass
  bool persistent_norm = false;  // batch_norm's training passes in one launch each
};
Fusions& fusions();

struct Conv2dOptions {
  int stride = 1;
  Padding pad = 0;
  bool same = false;  // TensorFlow's "SAME" in place of pad: y has ceil(h / stride) x ceil(w / stride) positions
  int groups = 1;
};
// The shape of a convolution of x and w with these shapes; throws if they do not match.
Conv2dShape conv2d_shape(Device device, DType dtype, const Shape& x, const Shape& w, const Conv2dOptions& options);
Shape conv2d_y_shape(const Shape& x, const Conv2dShape& shape);
// x [n,h,w,c], w [k,r,s,c/groups] -> [n,p,q,k]; a shape of two dimensions stands for a map or a filter of 1 x 1. x may have the device's best_channels(c) instead (kernels/conv2d/conv2d.h).
// sums: out, the sums of y and of y * y, f32 [2,k]; written only with fusions().conv_sums and if the device supports
// it.
Var conv2d(const Var& x, const Var& w, const Conv2dOptions& options, Tensor* sums = nullptr);
// The same plus b [k].
Var conv2d(const Var& x, const Var& w, const Var& b, const Conv2dOptions& options);

struct BatchNormOptions {
  Required<float> eps, momentum;
  bool training = true;
  Activation activation = Activation::none;
  Tensor sums = {};  // training: of x, if conv2d computed them
};
// x [n,h,w,c]; gamma, beta [c]; running statistics [c] are updated in training; residual (may be empty) is added
// before the activation, which is relu or none then.
Var batch_norm(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
               const Var& residual, const BatchNormOptions& options);

// conv2d(batch_norm(x), w). The intermediate map is not stored if fusions().norm_conv is on, after relu, in training, if all
// operands require gradients and the device supports it (kernels/norm_conv/norm_conv.h); otherwise the two ops run.
// sums: as in conv2d.
Var norm_conv(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
              const BatchNormOptions& norm, const Var& w, const Conv2dOptions& conv, Tensor* sums = nullptr);

// f(x), element by element, in x's type; x itself for Activation::none.
Var activation(const Var& x, Activation kind);

// a + b, of one shape and type.
Var add(const Var& a, const Var& b);

// x [n,h,w,c] times a gate s [n,c], or any x times a scale s of its last axis [c]; s is f32.
Var multiply(const Var& x, const Var& s);

// x [..., c], each row of the last axis normalized by its own mean and variance; gamma, beta f32 [c].
Var layer_norm(const Var& x, const Var& gamma, const Var& beta, float eps);

// What the random factors of a batch depend on, in device memory (kernels/dropout/dropout.h): u8.
Tensor dropout_batch(uint64_t seed, uint64_t epoch, const std::vector<uint64_t>& images, Device device);
struct DropoutOptions {
  float p = 0;         // the probability of a 0
  uint16_t layer = 0;  // distinguishes the ops of a network
  Tensor batch = {};   // of dropout_batch()
  bool training = true;
};
// x [n, ...] times 0 or 1 / (1 - p): an element's own factor, or with drop_path its image's. Outside training, x itself.
Var dropout(const Var& x, const DropoutOptions& options);
Var drop_path(const Var& x, const DropoutOptions& options);

struct MaxPoolOptions {
  int kernel_size = 3, stride = 2, pad = 1;
};
Var max_pool(const Var& x, const MaxPoolOptions& options);

// max_pool(batch_norm(x)); after relu without storing the map in between.
Var norm_pool(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
              const BatchNormOptions& norm, const MaxPoolOptions& pool);

// x [n,h,w,c] -> [n,c]
Var global_avg_pool(const Var& x);

// global_avg_pool(batch_norm(x)), with a residual as in batch_norm; after relu without storing the map in between.
Var norm_mean(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var, const Var& residual,
              const BatchNormOptions& norm);

// x [n,in] or a map [n,h,w,in], w [out,in], b [out] -> [n,out] or [n,h,w,out] in x's type, through conv2d's kernels.
Var linear(const Var& x, const Var& w, const Var& b);
// x [n,in] -> [n,out], f32 whatever the type of x: the logits of a head.
Var linear_logits(const Var& x, const Var& w, const Var& b);

// Targets of a batch: a, b i32 [n], lambda f32 [n]; see kernels/cross_entropy/cross_entropy.h. Plain labels: b and
// lambda are empty.
struct Targets {
  Tensor a, b = {}, lambda = {};
  static Targets of(const std::vector<int32_t>& labels, Device device);
};
// logits f32 [n,classes] -> scalar mean loss
// class_weights: f32 [classes], positive; empty: 1 each.
Var cross_entropy(const Var& logits, const Targets& targets, float smoothing = 0, const Tensor& class_weights = {});

// The number of channels of the network's input that conv2d reads fastest on this device: 3, or more, padded with 0.
int picture_channels(Device device, DType dtype);
// Source images on `device` and the samples of a batch -> the network's input [n, out_h, out_w, picture_channels] of
// `dtype`.
Tensor augment(const AugmentShape& shape, DType dtype, Device device, const AugmentSource& source,
               const std::vector<AugmentSample>& samples);
// The same with AugmentSamples that are on the device already: u8 [n * sizeof(AugmentSample)].
Tensor augment(const AugmentShape& shape, DType dtype, const AugmentSource& source, const Tensor& samples);

// Mixes the images of a batch from augment() in place. pairs: one MixPair for every two images, on the same device:
// u8 [n / 2 * sizeof(MixPair)]; see kernels/mix/mix.h.
void mix(Tensor& pictures, const Tensor& pairs);

}  // namespace pc
