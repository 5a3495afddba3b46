// add: z = x + y, of two maps; and y += x, for a value that gets gradients from more than one op.
// Backward: dx = dy = dz, without a kernel.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

// f32, bf16, f16; the sum in f32, rounded once.
struct AddKernels {
  void (*forward)(int64_t n, DType dtype, const void* x, const void* y, void* z);
  void (*accumulate)(int64_t n, DType dtype, const void* x, void* y);
};
extern const AddKernels add_cpu, add_cuda;

}  // namespace pc
