// The gradient of conv2d's bias on CUDA.
#include "kernels/conv2d/conv2d_kernels.h"
#include "kernels/runtime/column_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

// partial: the sums of dy [parts, c]
template <class T, bool Aligned>
__global__ void bias_gradient_kernel(int64_t rows, int64_t part_rows, int channels, const T* dy, float* partial) {
  __shared__ float scratch[kRowThreads * kVecWidth];
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x) * kVecWidth, count = min(kVecWidth, channels - c);
  const int64_t begin = blockIdx.y * part_rows + threadIdx.y, end = min(rows, (blockIdx.y + 1) * part_rows);
  float sum[kVecWidth] = {};
  if (count > 0) {
    const T* const inputs[1] = {dy + c};
    for_each_row<Aligned, 1>(begin, end, blockDim.y, channels, count, inputs, [&](int64_t, float(&v)[1][kVecWidth]) {
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) sum[j] += v[0][j];
    });
  }
  sum_over_rows(sum, scratch);
  if (count > 0 && threadIdx.y == 0) store_vec8<Aligned>(partial + int64_t(blockIdx.y) * channels + c, count, sum);
}

__global__ void combine_bias_kernel(int parts, int channels, const float* partial, float* db) {
  combine_parts(channels, parts, channels, partial, db);
}

}  // namespace

void conv2d_backward_bias(const Conv2dShape& s, DType dtype, const void* dy, float* db) {
  if (s.n == 0) return memory_cuda.zero(db, std::size_t(s.k) * sizeof(float));
  const RowTiling tiling = row_tiling(1, s.y_pixels(), s.k);
  const Buffer partial(Device::cuda, std::size_t(s.k) * tiling.parts() * sizeof(float));
  with_float_type("conv2d", dtype, [&](auto element) {
    with_flag(s.k % kVecWidth == 0 && aligned16({dy}), [&](auto aligned) {
      using T = decltype(element);
      launch(tiling.grid, tiling.block, bias_gradient_kernel<T, aligned.value>, s.y_pixels(), tiling.part_rows, s.k,
             static_cast<const T*>(dy), partial.as<float>());
    });
  });
  launch(grid_for(s.k, 256), 256, combine_bias_kernel, int(tiling.parts()), s.k, partial.as<float>(), db);
}

}  // namespace pc
