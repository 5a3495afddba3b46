// Global average pooling on CUDA: a thread owns one vec8 of channels.
#include "kernels/global_avg_pool/global_avg_pool.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

template <class T, bool Aligned>
__global__ void forward_kernel(GlobalAvgPoolShape s, const T* x, T* y) {
  const int vec8s = (s.c + kVecWidth - 1) / kVecWidth;
  const int64_t total = int64_t(s.n) * vec8s, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const int64_t n = i / vec8s;
    const int c = int(i - n * vec8s) * kVecWidth, count = min(kVecWidth, s.c - c);
    const T* from = x + n * s.hw * s.c + c;
    float sum[kVecWidth] = {}, v[kVecWidth];
#pragma unroll 4
    for (int j = 0; j < s.hw; ++j, from += s.c) {
      load_vec8<Aligned>(from, count, v);
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) sum[k] += v[k];
    }
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) sum[k] /= float(s.hw);
    store_vec8<Aligned>(y + n * s.c + c, count, sum);
  }
}

template <class T, bool Aligned>
__global__ void backward_kernel(GlobalAvgPoolShape s, const T* dy, T* dx) {
  const int vec8s = (s.c + kVecWidth - 1) / kVecWidth;
  const int64_t total = int64_t(s.n) * vec8s, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const int64_t n = i / vec8s;
    const int c = int(i - n * vec8s) * kVecWidth, count = min(kVecWidth, s.c - c);
    float v[kVecWidth];
    load_vec8<Aligned>(dy + n * s.c + c, count, v);
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) v[k] /= float(s.hw);
    T* to = dx + n * s.hw * s.c + c;
    for (int j = 0; j < s.hw; ++j, to += s.c) store_vec8<Aligned>(to, count, v);
  }
}

bool can_align(const GlobalAvgPoolShape& s, const void* a, const void* b) {
  return s.c % kVecWidth == 0 && aligned16({a, b});
}

unsigned grid_of(const GlobalAvgPoolShape& s) { return grid_for(s.n * ceil_div(s.c, kVecWidth), 64); }

void forward(const GlobalAvgPoolShape& s, DType dtype, const void* x, void* y) {
  with_float_type("global_avg_pool", dtype, [&](auto element) {
    with_flag(can_align(s, x, y), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_of(s), 64, forward_kernel<T, aligned.value>, s, static_cast<const T*>(x), static_cast<T*>(y));
    });
  });
}

void backward(const GlobalAvgPoolShape& s, DType dtype, const void* dy, void* dx) {
  with_float_type("global_avg_pool", dtype, [&](auto element) {
    with_flag(can_align(s, dy, dx), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_of(s), 64, backward_kernel<T, aligned.value>, s, static_cast<const T*>(dy), static_cast<T*>(dx));
    });
  });
}

}  // namespace

const GlobalAvgPoolKernels global_avg_pool_cuda{.forward = forward, .backward = backward};

}  // namespace pc
