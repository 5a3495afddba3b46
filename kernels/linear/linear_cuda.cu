// Linear layers on CUDA: cuBLAS products with f32 sums. y is first set to the bias, then the product is added; the bias
// gradient has its own kernel.
//
// cuBLAS is column-major: a row-major [n, in] is its [in, n]. f32 products use f32 throughout (no TF32). 16-bit
// backward products use dy rounded to 16 bits.
#include "kernels/cast/cast.h"
#include "kernels/linear/linear.h"
#include "kernels/runtime/launch.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kSumX = 32, kSumY = 16;  // columns, and partials per column, in a block of the sum

__global__ void bias_kernel(LinearShape s, const float* b, float* y) {
  const int64_t total = int64_t(s.n) * s.out, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) y[i] = b[i % s.out];
}

// db[o] = sum over the rows of dy[., o], in a fixed order.
__global__ void column_sums_kernel(LinearShape s, const float* dy, float* db) {
  __shared__ double partials[kSumY][kSumX];
  const int o = int(blockIdx.x * kSumX + threadIdx.x);
  double sum = 0;
  if (o < s.out)
    for (int row = int(threadIdx.y); row < s.n; row += kSumY) sum += double(dy[int64_t(row) * s.out + o]);
  partials[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || o >= s.out) return;
  for (int y = 1; y < kSumY; ++y) sum += partials[y][threadIdx.x];
  db[o] = float(sum);
}

cudaDataType_t cuda_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return CUDA_R_32F;
    case DType::bf16:
      return CUDA_R_16BF;
    case DType::f16:
      return CUDA_R_16F;
    default:
      fail_shape(std::string("linear: no product of elements of ") + name_of(dtype));
  }
}

// One factor of a product as cuBLAS sees it: column-major with `stride` elements from column to column.
struct Factor {
  const void* data;
  int stride;
  cublasOperation_t op;
};

// y [m, n] = a [m, k] * b [k, n] + beta * y, y column-major and packed; a and b of `dtype`.
void multiply(int m, int n, int k, DType dtype, const Factor& a, const Factor& b, float beta, DType y_type, void* y) {
  const float alpha = 1;
  const cudaDataType_t type = cuda_type(dtype);
  PC_CUDA_CHECK(cublas().gemm_ex(cublas().handle, a.op, b.op, m, n, k, &alpha, a.data, type, a.stride, b.data, type,
                                 b.stride, &beta, y, cuda_type(y_type), m, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
}

void forward(const LinearShape& s, DType dtype, const void* x, const void* w, const float* b, float* y) {
  if (s.n == 0) return;
  launch(grid_for(int64_t(s.n) * s.out, 256), 256, bias_kernel, s, b, y);
  multiply(s.out, s.n, s.in, dtype, {w, s.in, CUBLAS_OP_T}, {x, s.in, CUBLAS_OP_N}, 1, DType::f32, y);
}

// dy in the type of the other factor; if that takes a copy, `scratch` owns it.
const void* rounded_gradient(const LinearShape& s, DType dtype, const float* dy, Buffer& scratch) {
  if (dtype == DType::f32) return dy;
  const int64_t n = int64_t(s.n) * s.out;
  scratch = Buffer(Device::cuda, std::size_t(n) * size_of(dtype));
  cast_cuda.forward(n, DType::f32, dy, dtype, scratch.data());
  return scratch.data();
}

void backward_data(const LinearShape& s, DType dtype, const float* dy, const void* w, void* dx) {
  if (s.n == 0) return;
  Buffer scratch;
  const void* g = rounded_gradient(s, dtype, dy, scratch);
  multiply(s.in, s.n, s.out, dtype, {w, s.in, CUBLAS_OP_N}, {g, s.out, CUBLAS_OP_N}, 0, dtype, dx);
}

void backward_weight(const LinearShape& s, DType dtype, const void* x, const float* dy, float* dw, float* db) {
  launch(unsigned(ceil_div(s.out, kSumX)), {kSumX, kSumY}, column_sums_kernel, s, dy, db);
  if (s.n == 0) return memory_cuda.zero(dw, std::size_t(s.in) * std::size_t(s.out) * sizeof(float));
  Buffer scratch;
  const void* g = rounded_gradient(s, dtype, dy, scratch);
  multiply(s.in, s.out, s.n, dtype, {x, s.in, CUBLAS_OP_N}, {g, s.out, CUBLAS_OP_T}, 0, DType::f32, dw);
}

}  // namespace

const LinearKernels linear_cuda{.forward = forward, .backward_data = backward_data, .backward_weight = backward_weight};

}  // namespace pc
