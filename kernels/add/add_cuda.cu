// Adds on CUDA: a thread adds one vec8 per step of a grid-stride loop.
#include "kernels/add/add.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

template <class T, bool Aligned>
__global__ void add_kernel(int64_t n, const T* x, T* y) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x * kVecWidth;
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * kVecWidth; i < n; i += step) {
    const int count = n - i < kVecWidth ? int(n - i) : kVecWidth;
    float a[kVecWidth], b[kVecWidth];
    load_vec8<Aligned>(x + i, count, a);
    load_vec8<Aligned>(y + i, count, b);
#pragma unroll
    for (int j = 0; j < kVecWidth; ++j) b[j] += a[j];
    store_vec8<Aligned>(y + i, count, b);
  }
}

void accumulate(int64_t n, DType dtype, const void* x, void* y) {
  with_float_type("add", dtype, [&](auto element) {
    with_flag(aligned16({x, y}), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_for(ceil_div(n, kVecWidth), 256), 256, add_kernel<T, aligned.value>, n, static_cast<const T*>(x),
             static_cast<T*>(y));
    });
  });
}

}  // namespace

const AddKernels add_cuda{.accumulate = accumulate};

}  // namespace pc
