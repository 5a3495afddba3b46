// add: y += x, for a value that gets gradients from more than one op.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct AddKernels {
  void (*accumulate)(int64_t n, DType dtype, const void* x, void* y);  // f32, bf16, f16; sums in f32, rounds once
};
extern const AddKernels add_cpu, add_cuda;

}  // namespace pc
