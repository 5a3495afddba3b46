// What kernels/runtime/cuda.h promises, on the stand-in GPU: checks, and a cuBLAS of plain loops.
#include <stdexcept>

#include "elements.h"
#include "kernels/base/error.h"
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/select.h"
#include "tests/simt/capture.h"

namespace pc {
namespace {

DType dtype_of(cudaDataType_t type) {
  return type == CUDA_R_32F ? DType::f32 : type == CUDA_R_16F ? DType::f16 : DType::bf16;
}

// Column-major: c = alpha * op(a) * op(b) + beta * c.
cublasStatus_t gemm_ex(cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                       const void* alpha, const void* a, cudaDataType_t a_type, int lda, const void* b,
                       cudaDataType_t b_type, int ldb, const void* beta, void* c, cudaDataType_t c_type, int ldc,
                       cublasComputeType_t, cublasGemmAlgo_t) {
  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  simt::submit([=] {
    const simt::DeviceAccess access;
    const auto at = [](cublasOperation_t op, int row, int column, int stride) {
      return op == CUBLAS_OP_N ? int64_t(column) * stride + row : int64_t(row) * stride + column;
    };
    for (int column = 0; column < n; ++column)
      for (int row = 0; row < m; ++row) {
        float sum = 0;
        for (int i = 0; i < k; ++i)
          sum += simt::read_element(a, at(op_a, row, i, lda), dtype_of(a_type)) *
                 simt::read_element(b, at(op_b, i, column, ldb), dtype_of(b_type));
        const int64_t to = int64_t(column) * ldc + row;
        const float old = keep == 0 ? 0 : keep * simt::read_element(c, to, dtype_of(c_type));
        simt::write_element(c, to, dtype_of(c_type), scale * sum + old);
      }
  });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

namespace detail {
void check(cudaError_t status, const CallSite& site) {
  if (status != cudaSuccess) fail(Exit::limit, std::string(site.call) + ": the stand-in GPU is out of memory");
}
void check(cublasStatus_t, const CallSite&) {}
}  // namespace detail

bool cuda_available() { return true; }
std::string device_and_cudnn_id() { return "stand-in"; }

const Cublas& cublas() {
  static const Cublas shared{.handle = nullptr, .gemm_ex = gemm_ex};
  return shared;
}

}  // namespace pc
