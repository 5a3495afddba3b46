// What the CUDA rooms share on the host: checked calls, the engine's stream, library handles made at first use.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cudnn.h>

#include <string>

#include "kernels/runtime/dtype.h"

namespace pc {

// All work of the engine is ordered on this one stream, but for branches (streams.h). The first call makes the GPU
// context.
cudaStream_t stream();

// Bound to stream() by every call. The first call throws Error(usage) where the cuDNN found at run time is not the one
// compiled against: two cuDNN versions in one process crash later, in places that do not name the cause.
cudnnHandle_t cudnn_handle();

// "cuDNN 9.19.0, NVIDIA H100 80GB HBM3, 132 multiprocessors": what a choice among its engines holds for.
std::string device_and_cudnn_id();

// cuBLAS, loaded at the first call and bound to stream(). Linked, it would cost every program 0.1 s and 216 MB at its
// start.
struct Cublas {
  cublasHandle_t handle;
  cublasStatus_t (*gemm_ex)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k,
                            const void* alpha, const void* a, cudaDataType_t, int lda, const void* b, cudaDataType_t,
                            int ldb, const void* beta, void* c, cudaDataType_t, int ldc, cublasComputeType_t,
                            cublasGemmAlgo_t);
};
const Cublas& cublas();

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
#define PC_CUDA_CHECK(call) ::pc::detail::check((call), {#call, __FILE__, __LINE__})

}  // namespace pc
