// sgd: stochastic gradient descent with momentum, Nesterov momentum and weight decay, as torch.optim.SGD (dampening 0):
//   g = dw * factor + weight_decay * w;  v = momentum * v + g;  w -= lr * (nesterov ? g + momentum * v : v)
// lr and factor come from the gradient scaler; if factor is 0, nothing changes.
#pragma once

#include <span>

#include "kernels/grad_scaler/grad_scaler.h"
#include "kernels/runtime/select.h"

namespace pc {

struct SgdConfig {
  float momentum = 0;
  bool nesterov = false;
};

// One parameter of n elements. low: the 16-bit copy of w that the next forward pass reads, or null.
struct SgdTensor {
  int64_t n;
  float weight_decay, lr_scale;  // lr of this tensor = lr * lr_scale
  float* w;
  const float* dw;
  float* v;  // starts at zero
  void* low;
  DType low_type;
};

struct SgdKernels {
  void (*step)(const SgdConfig&, const GradScalerState*, std::span<const SgdTensor>);
};
extern const SgdKernels sgd_cpu, sgd_cuda;

}  // namespace pc
