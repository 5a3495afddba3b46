// Adds on CUDA.
#include "kernels/add/add.h"
#include "kernels/runtime/elementwise.cuh"

namespace pc {
namespace {

// z may be y.
template <class T, bool Aligned>
__global__ void add_kernel(int64_t n, const T* x, const T* y, T* z) {
  for_each_vec8<Aligned, 2>(n, {x, y}, [=](int64_t i, int count, float(&v)[2][kVecWidth]) {
#pragma unroll
    for (int j = 0; j < kVecWidth; ++j) v[1][j] += v[0][j];
    store_vec8<Aligned>(z + i, count, v[1]);
  });
}

void forward(int64_t n, DType dtype, const void* x, const void* y, void* z) {
  with_float_type("add", dtype, [&](auto element) {
    with_flag(aligned16({x, y, z}), [&](auto aligned) {
      using T = decltype(element);
      launch(elementwise_grid(n), kElementwiseThreads, add_kernel<T, aligned.value>, n, static_cast<const T*>(x),
             static_cast<const T*>(y), static_cast<T*>(z));
    });
  });
}

void accumulate(int64_t n, DType dtype, const void* x, void* y) { forward(n, dtype, x, y, y); }

}  // namespace

const AddKernels add_cuda{.forward = forward, .accumulate = accumulate};

}  // namespace pc
