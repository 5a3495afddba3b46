// Host-side helpers shared by the CUDA kernels: checked calls, the engine's stream, library handles created at first
// use.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cudnn.h>

#include <string>

#include "kernels/runtime/dtype.h"

namespace pc {

// The one stream that orders all work of the engine, except inside a branch (streams.h). The first call creates the GPU
// context.
cudaStream_t stream();

// Every call binds it to stream(). The first call throws Error(usage) if the cuDNN found at run time is not the one
// compiled against: two cuDNN versions in one process crash later, and the crash does not name the cause.
cudnnHandle_t cudnn_handle();

// "cuDNN 9.19.0, NVIDIA H100 80GB HBM3, 132 multiprocessors": a choice among cuDNN's engines is valid for this.
std::string device_and_cudnn_id();

// cuBLAS, loaded at the first call and bound to stream(). Linking it would cost every program 0.1 s and 216 MB at
// startup.
struct Cublas {
  cublasHandle_t handle;
  cublasStatus_t (*gemm_ex)(cublasHandle_t, cublasOperation_t, cublasOperation_t, int m, int n, int k,
                            const void* alpha, const void* a, cudaDataType_t, int lda, const void* b, cudaDataType_t,
                            int ldb, const void* beta, void* c, cudaDataType_t, int ldc, cublasComputeType_t,
                            cublasGemmAlgo_t);
};
const Cublas& cublas();

namespace detail {

// The source position of a call, and its text.
struct CallSite {
  const char* call;
  const char* file;
  int line;
};
void check(cudaError_t status, const CallSite& site);
void check(cudnnStatus_t status, const CallSite& site);
void check(cublasStatus_t status, const CallSite& site);

}  // namespace detail

// For calls of CUDA, cuDNN and cuBLAS. A failed call throws Error with its text, file:line and the library's own
// message; out of memory is Error(limit).
#define PC_CUDA_CHECK(call) ::pc::detail::check((call), {#call, __FILE__, __LINE__})

}  // namespace pc
