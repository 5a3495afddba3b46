// adamw: Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019), as torch.optim.AdamW:
//   w *= 1 - lr * weight_decay;  g = dw * factor;  m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2
//   w -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
// lr, factor and t (the number of updates) come from the gradient scaler; if factor is 0, nothing changes.
#pragma once

#include <span>

#include "kernels/grad_scaler/grad_scaler.h"
#include "kernels/runtime/select.h"

namespace pc {

struct AdamwConfig {
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
};

struct AdamwTensor {
  int64_t n;
  float weight_decay, lr_scale;
  float* w;
  const float* dw;
  float* m;  // m and v start at zero
  float* v;
  void* low;  // 16-bit copy of w, or null
  DType low_type;
};

struct AdamwKernels {
  void (*step)(const AdamwConfig&, const GradScalerState*, std::span<const AdamwTensor>);
};
extern const AdamwKernels adamw_cpu, adamw_cuda;

}  // namespace pc
