// Loops over the rows of [groups, rows, c] on CUDA, and sums over them per channel: a thread owns one vec8 of channels and
// takes every blockDim.y-th row of its block's part. Sums are made in an order that depends on the shape alone.
#pragma once

#include "kernels/runtime/elementwise.cuh"

namespace pc {

constexpr int kRowThreads = 256;

// The launch: blockIdx.x is a tile of channels, blockIdx.y a part of the rows, blockIdx.z a group (in strides).
struct RowTiling {
  dim3 grid, block;
  int64_t part_rows;
  unsigned parts() const { return grid.y; }
};

inline RowTiling row_tiling(int64_t groups, int64_t rows, int c) {
  const int64_t vec8s = ceil_div(c, kVecWidth);
  unsigned x = 1;
  while (x < vec8s && x < 32) x *= 2;
  const unsigned y = kRowThreads / x;
  const int64_t tiles = ceil_div(vec8s, x), most = std::max<int64_t>(1, 2048 / (tiles * groups));
  const int64_t parts = std::clamp<int64_t>(ceil_div(rows, int64_t(y) * 8), 1, most);
  return {.grid = {unsigned(tiles), unsigned(parts), unsigned(std::min<int64_t>(groups, 65535))},
          .block = {x, y, 1},
          .part_rows = ceil_div(rows, parts)};
}

// f(row, v) for rows begin, begin + step, … < end: v[k] are the `count` values of inputs[k], which point at the thread's
// channels of row 0. Several rows are loaded before the first is used.
template <bool Aligned, int Inputs, class T, class F>
__device__ inline void for_each_row(int64_t begin, int64_t end, int64_t step, int c, int count,
                                    const T* const (&inputs)[Inputs], F&& f) {
  constexpr int kBatch = kVecsInFlight<T>;
  int64_t row = begin;
  float v[Inputs][kVecWidth];
  if constexpr (Aligned) {
    for (; row + (kBatch - 1) * step < end; row += kBatch * step) {
      Vec8<T> raw[kBatch][Inputs];
#pragma unroll
      for (int b = 0; b < kBatch; ++b)
#pragma unroll
        for (int k = 0; k < Inputs; ++k)
          raw[b][k] = *reinterpret_cast<const Vec8<T>*>(inputs[k] + (row + b * step) * c);
#pragma unroll
      for (int b = 0; b < kBatch; ++b) {
#pragma unroll
        for (int k = 0; k < Inputs; ++k)
#pragma unroll
          for (int j = 0; j < kVecWidth; ++j) v[k][j] = to_float(raw[b][k].value[j]);
        f(row + b * step, v);
      }
    }
  }
  for (; row < end; row += step) {
#pragma unroll
    for (int k = 0; k < Inputs; ++k) load_vec8<Aligned>(inputs[k] + row * c, count, v[k]);
    f(row, v);
  }
}

// The sums of the block's threads over threadIdx.y, in order, in the threads with threadIdx.y == 0. All threads call it.
__device__ inline void sum_over_rows(float (&sum)[kVecWidth], float* scratch) {
  const int at = int(threadIdx.y * blockDim.x + threadIdx.x);
  __syncthreads();  // the scratch may be in use
#pragma unroll
  for (int j = 0; j < kVecWidth; ++j) scratch[j * kRowThreads + at] = sum[j];
  __syncthreads();
  if (threadIdx.y > 0) return;
  for (unsigned y = 1; y < blockDim.y; ++y)
#pragma unroll
    for (int j = 0; j < kVecWidth; ++j) sum[j] += scratch[j * kRowThreads + int(y * blockDim.x + threadIdx.x)];
}

// The sums over the parts, in order: partial [groups, parts, c] -> sums [groups, c]; total: groups * c.
__device__ inline void combine_parts(int64_t total, int parts, int c, const float* partial, float* sums) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const float* from = partial + i / c * parts * c + i % c;
    double sum = 0;
#pragma unroll 4
    for (int part = 0; part < parts; ++part) sum += double(from[int64_t(part) * c]);
    sums[i] = float(sum);
  }
}

}  // namespace pc
