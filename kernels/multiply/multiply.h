// multiply: y[g,r,c] = x[g,r,c] * s[g,c]. With one group per image it applies the gate [n,c] of a squeeze-and-excitation
// block to a map [n,h,w,c]; with one group in all it applies a scale [c] (layer scale).
//   dx = dy * s,  ds[g,c] = sum over r of dy * x
// Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018; Touvron et al., "Going Deeper with Image Transformers", ICCV
// 2021 (LayerScale).
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct MultiplyShape {
  int64_t groups, rows;  // rows of one group
  int c;
};

struct MultiplyKernels {
  // x, y, dy, dx of `dtype` (f32, bf16; f16 on CUDA), s and ds f32.
  void (*forward)(const MultiplyShape&, DType, const void* x, const float* s, void* y);
  void (*backward)(const MultiplyShape&, DType, const void* dy, const void* x, const float* s, void* dx, float* ds);
};
extern const MultiplyKernels multiply_cpu, multiply_cuda;

}  // namespace pc
