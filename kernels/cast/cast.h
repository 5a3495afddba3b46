// cast: y = x in another float type, rounded to nearest even.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct CastKernels {
  // x, y: n elements; types f32, bf16 or f16 (on the CPU, f16 is converted but has no arithmetic).
  void (*forward)(int64_t n, DType x_type, const void* x, DType y_type, void* y);
};
extern const CastKernels cast_cpu, cast_cuda;

}  // namespace pc
