// The convolutions' own kernels: a thread handles one vec8 of a row per step of a grid-stride loop.
#include "kernels/conv2d/conv2d_epilogue.cuh"
#include "kernels/conv2d/conv2d_kernels.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

constexpr int kThreads = 256;

template <bool Aligned>
__global__ void fit_kernel(int64_t rows, int from_c, const uint16_t* from, int to_c, uint16_t* to) {
  const int vec8s = (to_c + kVecWidth - 1) / kVecWidth;
  const int64_t total = rows * vec8s, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const int64_t row = i / vec8s;
    const int c = int(i - row * vec8s) * kVecWidth;
    Vec8<uint16_t> vec8;
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) vec8.value[k] = c + k < from_c ? from[row * from_c + c + k] : uint16_t(0);
    if (Aligned) {
      *reinterpret_cast<Vec8<uint16_t>*>(to + row * to_c + c) = vec8;
    } else {
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k)
        if (c + k < to_c) to[row * to_c + c + k] = vec8.value[k];
    }
  }
}

template <class T, bool Aligned>
__global__ void epilogue_kernel(int64_t rows, int c_total, const float* bias, const T* residual, Activation activation,
                                T* y) {
  const int vec8s = (c_total + kVecWidth - 1) / kVecWidth;
  const int64_t total = rows * vec8s, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const int64_t row = i / vec8s;
    const int c = int(i - row * vec8s) * kVecWidth, count = min(kVecWidth, c_total - c);
    const int64_t at = row * c_total + c;
    float v[kVecWidth], b[kVecWidth], other[kVecWidth] = {};
    load_vec8<Aligned>(y + at, count, v);
    load_vec8<Aligned>(bias + c, count, b);
    if (residual) load_vec8<Aligned>(residual + at, count, other);
    conv2d_finish(b, other, activation, v);
    store_vec8<Aligned>(y + at, count, v);
  }
}

}  // namespace

void conv2d_fit_channels(int64_t rows, int from_c, const void* from, int to_c, void* to) {
  with_flag(to_c % kVecWidth == 0 && aligned16({to}), [&](auto aligned) {
    launch(grid_for(rows * ceil_div(to_c, kVecWidth), kThreads), kThreads, fit_kernel<aligned.value>, rows, from_c,
           static_cast<const uint16_t*>(from), to_c, static_cast<uint16_t*>(to));
  });
}

void conv2d_epilogue(int64_t rows, int c, DType dtype, const Conv2dEpilogue& e, void* y) {
  with_float_type("conv2d", dtype, [&](auto element) {
    with_flag(c % kVecWidth == 0 && aligned16({e.bias, e.residual, y}), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_for(rows * ceil_div(c, kVecWidth), kThreads), kThreads, epilogue_kernel<T, aligned.value>, rows, c,
             e.bias, static_cast<const T*>(e.residual), e.activation, static_cast<T*>(y));
    });
  });
}

}  // namespace pc
