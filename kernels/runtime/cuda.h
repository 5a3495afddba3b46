// What the CUDA rooms share on the host: checked calls, the engine's stream, library handles made at first use.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cudnn.h>

#include "kernels/runtime/dtype.h"

namespace pc {

// All work of the engine is ordered on this one stream. The first call makes the GPU context.
cudaStream_t stream();

// Bound to stream(). The first call throws Error(usage) where the cuDNN found at run time is not the one compiled against: two
// cuDNN versions in one process crash later, in places that do not name the cause.
cudnnHandle_t cudnn_handle();
cublasHandle_t cublas_handle();

namespace detail {

// Where a call stands in our source; `call` is its text.
struct CallSite {
  const char* call;
  const char* file;
  int line;
};
void check(cudaError_t status, const CallSite& site);
void check(cudnnStatus_t status, const CallSite& site);
void check(cublasStatus_t status, const CallSite& site);

}  // namespace detail

// A failed call throws Error with its text, file:line and the library's own words; out of memory is Error(limit).
#define PC_CHECK(call) ::pc::detail::check((call), {#call, __FILE__, __LINE__})

}  // namespace pc
