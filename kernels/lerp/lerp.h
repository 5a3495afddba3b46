// lerp: y += t * (x - y) over many tensors: one step of a running average of parameters.
#pragma once

#include <span>

#include "kernels/runtime/select.h"

namespace pc {

struct LerpTensor {
  int64_t n;
  const float* x;
  float* y;
};

struct LerpKernels {
  void (*update)(float t, std::span<const LerpTensor>);
};
extern const LerpKernels lerp_cpu, lerp_cuda;

}  // namespace pc
