// global_avg_pool: y[n,c] = mean over h,w of x[n,h,w,c].  dx = dy / (h * w), the same at every position.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct GlobalAvgPoolShape {
  int n, hw, c;
};

struct GlobalAvgPoolKernels {
  // x, y, dy, dx of `dtype` (f32, bf16; f16 on CUDA); sums in f32.
  void (*forward)(const GlobalAvgPoolShape&, DType, const void* x, void* y);
  void (*backward)(const GlobalAvgPoolShape&, DType, const void* dy, void* dx);
};
extern const GlobalAvgPoolKernels global_avg_pool_cpu, global_avg_pool_cuda;

}  // namespace pc
