// multiply on CUDA: the factors of a thread's channels stay in registers for all its rows.
#include "kernels/multiply/multiply.h"
#include "kernels/runtime/column_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

template <class T, bool Aligned>
__global__ void forward_kernel(MultiplyShape s, int64_t part_rows, const T* x, const float* factors, T* y) {
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x) * kVecWidth, count = min(kVecWidth, s.c - c);
  if (count <= 0) return;
  const int64_t begin = blockIdx.y * part_rows + threadIdx.y, end = min(s.rows, (blockIdx.y + 1) * part_rows);
  for (int64_t group = blockIdx.z; group < s.groups; group += gridDim.z) {
    const int64_t at = group * s.rows * s.c + c;
    float factor[kVecWidth];
    load_vec8<Aligned>(factors + group * s.c + c, count, factor);
    for_each_row<Aligned, 1>(begin, end, blockDim.y, s.c, count, {x + at}, [&](int64_t row, float(&v)[1][kVecWidth]) {
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) v[0][j] *= factor[j];
      store_vec8<Aligned>(y + at + row * s.c, count, v[0]);
    });
  }
}

// partial: the sums of dy * x [groups, parts, c].
template <class T, bool Aligned>
__global__ void backward_kernel(MultiplyShape s, int64_t part_rows, const T* dy, const T* x, const float* factors,
                                T* dx, float* partial) {
  __shared__ float scratch[kRowThreads * kVecWidth];
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x) * kVecWidth, count = min(kVecWidth, s.c - c);
  const int64_t begin = blockIdx.y * part_rows + threadIdx.y, end = min(s.rows, (blockIdx.y + 1) * part_rows);
  for (int64_t group = blockIdx.z; group < s.groups; group += gridDim.z) {
    const int64_t at = group * s.rows * s.c + c;
    float sum[kVecWidth] = {};
    if (count > 0) {
      float factor[kVecWidth];
      load_vec8<Aligned>(factors + group * s.c + c, count, factor);
      for_each_row<Aligned, 2>(begin, end, blockDim.y, s.c, count, {dy + at, x + at},
                               [&](int64_t row, float(&v)[2][kVecWidth]) {
#pragma unroll
                                 for (int j = 0; j < kVecWidth; ++j) sum[j] += v[0][j] * v[1][j], v[0][j] *= factor[j];
                                 store_vec8<Aligned>(dx + at + row * s.c, count, v[0]);
                               });
    }
    sum_over_rows(sum, scratch);
    if (count > 0 && threadIdx.y == 0)
      store_vec8<Aligned>(partial + (group * gridDim.y + blockIdx.y) * s.c + c, count, sum);
  }
}

__global__ void combine_kernel(int64_t total, int parts, int c, const float* partial, float* sums) {
  combine_parts(total, parts, c, partial, sums);
}

void forward(const MultiplyShape& s, DType dtype, const void* x, const float* factors, void* y) {
  const RowTiling tiling = row_tiling(s.groups, s.rows, s.c);
  with_float_type("multiply", dtype, [&](auto element) {
    with_flag(s.c % kVecWidth == 0 && aligned16({x, factors, y}), [&](auto aligned) {
      using T = decltype(element);
      launch(tiling.grid, tiling.block, forward_kernel<T, aligned.value>, s, tiling.part_rows, static_cast<const T*>(x),
             factors, static_cast<T*>(y));
    });
  });
}

void backward(const MultiplyShape& s, DType dtype, const void* dy, const void* x, const float* factors, void* dx,
              float* ds) {
  const RowTiling tiling = row_tiling(s.groups, s.rows, s.c);
  const int64_t total = s.groups * s.c;
  const Buffer partial(Device::cuda, std::size_t(total) * tiling.parts() * sizeof(float));
  with_float_type("multiply", dtype, [&](auto element) {
    with_flag(s.c % kVecWidth == 0 && aligned16({dy, x, factors, dx}), [&](auto aligned) {
      using T = decltype(element);
      launch(tiling.grid, tiling.block, backward_kernel<T, aligned.value>, s, tiling.part_rows,
             static_cast<const T*>(dy), static_cast<const T*>(x), factors, static_cast<T*>(dx), partial.as<float>());
    });
  });
  launch(grid_for(total, 256), 256, combine_kernel, total, int(tiling.parts()), s.c, partial.as<float>(), ds);
}

}  // namespace

const MultiplyKernels multiply_cuda{.forward = forward, .backward = backward};

}  // namespace pc
