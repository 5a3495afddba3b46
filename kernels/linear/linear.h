// linear: y = x w^T + b, with w [out, in] as in PyTorch. The logits y and their gradient are f32 whatever the type of x
// and w.
//   dx = dy w,  dw = dy^T x,  db = sum of dy over the rows.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct LinearShape {
  int n, in, out;
};

struct LinearKernels {
  // x, w of `dtype` (f32, bf16; f16 on CUDA); b, y f32.
  void (*forward)(const LinearShape&, DType, const void* x, const void* w, const float* b, float* y);
  void (*backward_data)(const LinearShape&, DType, const float* dy, const void* w, void* dx);
  // dw [out, in] and db [out] are f32.
  void (*backward_weight)(const LinearShape&, DType, const void* x, const float* dy, float* dw, float* db);
};
extern const LinearKernels linear_cpu, linear_cuda;

}  // namespace pc
