// The loop of the CUDA kernels that work on each element by itself: vec8s in grid strides, with several loads in flight.
#pragma once

#include "kernels/runtime/launch.cuh"

namespace pc {

constexpr int kElementwiseThreads = 256;

// Vec8s of each input that a thread loads before it uses the first: 64 bytes.
template <class T>
constexpr int kVecsInFlight = 64 / int(sizeof(Vec8<T>));

inline unsigned elementwise_grid(int64_t n) { return grid_for(ceil_div(n, 2 * kVecWidth), kElementwiseThreads); }

// f(i, count, v) for every vec8 of [0, n): v[k] are the `count` values of inputs[k] from i on. Aligned: all inputs.
template <bool Aligned, int Inputs, class T, class F>
__device__ inline void for_each_vec8(int64_t n, const T* const (&inputs)[Inputs], F&& f) {
  constexpr int kBatch = kVecsInFlight<T>;
  const int64_t step = int64_t(gridDim.x) * blockDim.x * kVecWidth;
  int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * kVecWidth;
  float v[Inputs][kVecWidth];
  if constexpr (Aligned) {
    for (; i + (kBatch - 1) * step + kVecWidth <= n; i += kBatch * step) {
      Vec8<T> raw[kBatch][Inputs];
#pragma unroll
      for (int b = 0; b < kBatch; ++b)
#pragma unroll
        for (int k = 0; k < Inputs; ++k) raw[b][k] = *reinterpret_cast<const Vec8<T>*>(inputs[k] + i + b * step);
#pragma unroll
      for (int b = 0; b < kBatch; ++b) {
#pragma unroll
        for (int k = 0; k < Inputs; ++k)
#pragma unroll
          for (int j = 0; j < kVecWidth; ++j) v[k][j] = to_float(raw[b][k].value[j]);
        f(i + b * step, kVecWidth, v);
      }
    }
  }
  for (; i < n; i += step) {
    const int count = n - i < kVecWidth ? int(n - i) : kVecWidth;
#pragma unroll
    for (int k = 0; k < Inputs; ++k) load_vec8<Aligned>(inputs[k] + i, count, v[k]);
    f(i, count, v);
  }
}

}  // namespace pc
