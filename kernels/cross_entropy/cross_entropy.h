// cross_entropy: softmax and negative log likelihood in one pass, with label smoothing and two mixed targets.
//
// Row i has targets a, b and a weight lambda: t = lambda * onehot(a) + (1 - lambda) * onehot(b) (mixup and cutmix; with
// lambda 1, a plain label, b is not read). With smoothing e over C classes the target is (1 - e) * t + e / C (Szegedy
// et al., CVPR 2016). Row i has the weight w_i = lambda * v_a + (1 - lambda) * v_b, with v the class weights, or 1; a
// row with a < 0 has no label and weight 0.
//   loss = sum_i w_i * -sum_c target_c * log softmax(x)_c / sum_i w_i
//   dx_i = w_i * (softmax(x) - target) / sum_i w_i
// No row with a label: loss 0, dx 0.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct CrossEntropyShape {
  int n, classes;
  float smoothing = 0;
};

// Targets of n rows, on the device.
struct MixedTarget {
  const int32_t* a;
  const int32_t* b = nullptr;
  const float* lambda = nullptr;        // null: 1 each
  const float* class_weight = nullptr;  // v: one positive number per class, also on the device; null: 1 each
};

struct CrossEntropyKernels {
  // logits f32 [n, classes]; loss: one f32; dlogits [n, classes]: the gradient for a loss gradient of 1 (null: loss
  // only).
  void (*forward)(const CrossEntropyShape&, const float* logits, const MixedTarget&, float* loss, float* dlogits);
  // dlogits *= *dloss, both on the device; if *dloss is 1, dlogits is neither read nor written.
  void (*backward)(const CrossEntropyShape&, const float* dloss, float* dlogits);
};
extern const CrossEntropyKernels cross_entropy_cpu, cross_entropy_cuda;

}  // namespace pc
