// Casts on CUDA: a thread casts one vec8 per step of a grid-stride loop.
#include "kernels/cast/cast.h"
#include "kernels/runtime/launch.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

template <class X, class Y, bool Aligned>
__global__ void cast_kernel(int64_t n, const X* x, Y* y) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x * kVecWidth;
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * kVecWidth; i < n; i += step) {
    const int count = n - i < kVecWidth ? int(n - i) : kVecWidth;
    float v[kVecWidth];
    load_vec8<Aligned>(x + i, count, v);
    store_vec8<Aligned>(y + i, count, v);
  }
}

void forward(int64_t n, DType x_type, const void* x, DType y_type, void* y) {
  if (x_type == y_type) return memory_cuda.copy(y, x, std::size_t(n) * size_of(x_type));
  with_float_type("cast", x_type, [&](auto from) {
    with_float_type("cast", y_type, [&](auto to) {
      with_flag(aligned16({x, y}), [&](auto aligned) {
        using X = decltype(from);
        using Y = decltype(to);
        if constexpr (!std::is_same_v<X, Y>)
          launch(grid_for(ceil_div(n, kVecWidth), 256), 256, cast_kernel<X, Y, aligned.value>, n,
                 static_cast<const X*>(x), static_cast<Y*>(y));
      });
    });
  });
}

}  // namespace

const CastKernels cast_cuda{.forward = forward};

}  // namespace pc
