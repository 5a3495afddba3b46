// dropout on CUDA: blockIdx.y is the image, a thread takes vec8s of it.
#include <algorithm>

#include "kernels/dropout/dropout.h"
#include "kernels/runtime/elementwise.cuh"

namespace pc {
namespace {

template <class T, bool Aligned>
__global__ void apply_kernel(DropoutShape s, const DropoutBatch* batch, const T* x, T* y) {
  const uint64_t* images = reinterpret_cast<const uint64_t*>(batch + 1);
  const DropoutBatch key = *batch;
  for (int64_t n = blockIdx.y; n < s.n; n += gridDim.y) {
    const uint64_t image = images[n];
    T* to = y + n * s.elements;
    const float whole = dropout_factors(s, key, image, 0).value[0];
    for_each_vec8<Aligned, 1>(s.elements, {x + n * s.elements}, [=](int64_t i, int count, float(&v)[1][kVecWidth]) {
      if (s.whole_image) {
#pragma unroll
        for (int j = 0; j < kVecWidth; ++j) v[0][j] *= whole;
      } else {
        const DropoutFactors low = dropout_factors(s, key, image, i / 4),
                             high = dropout_factors(s, key, image, i / 4 + 1);
#pragma unroll
        for (int j = 0; j < 4; ++j) v[0][j] *= low.value[j], v[0][j + 4] *= high.value[j];
      }
      store_vec8<Aligned>(to + i, count, v[0]);
    });
  }
}

void apply(const DropoutShape& s, DType dtype, const DropoutBatch* batch, const void* x, void* y) {
  const dim3 grid(elementwise_grid(s.elements), unsigned(std::min<int64_t>(s.n, 65535)));
  with_float_type("dropout", dtype, [&](auto element) {
    with_flag(s.elements % kVecWidth == 0 && aligned16({x, y}), [&](auto aligned) {
      using T = decltype(element);
      launch(grid, kElementwiseThreads, apply_kernel<T, aligned.value>, s, batch, static_cast<const T*>(x),
             static_cast<T*>(y));
    });
  });
}

}  // namespace

const DropoutKernels dropout_cuda{.apply = apply};

}  // namespace pc
