// Elements of device memory as the libraries' stand-ins read and write them: by index and dtype.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/runtime/dtype.h"

namespace pc::simt {

inline float read_element(const void* from, int64_t i, DType dtype) {
  if (dtype == DType::bf16) return __bfloat162float(static_cast<const __nv_bfloat16*>(from)[i]);
  if (dtype == DType::f16) return __half2float(static_cast<const __half*>(from)[i]);
  return static_cast<const float*>(from)[i];
}

inline void write_element(void* to, int64_t i, DType dtype, float v) {
  mark_written(static_cast<char*>(to) + i * int64_t(size_of(dtype)), size_of(dtype));
  if (dtype == DType::bf16)
    static_cast<__nv_bfloat16*>(to)[i] = __float2bfloat16_rn(v);
  else if (dtype == DType::f16)
    static_cast<__half*>(to)[i] = __float2half_rn(v);
  else
    static_cast<float*>(to)[i] = v;
}

}  // namespace pc::simt
