// lerp: y += t * (x - y), one step of a running average of parameters.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct LerpKernels {
  void (*update)(int64_t n, float t, const float* x, float* y);
};
extern const LerpKernels lerp_cpu, lerp_cuda;

}  // namespace pc
