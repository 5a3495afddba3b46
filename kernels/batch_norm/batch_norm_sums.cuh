// The per-channel sums of batch normalization on CUDA: one kernel sums parts of the rows, a second small kernel
// combines the parts. Shared by batch_norm, norm_pool, norm_mean and norm_conv.
//
// A thread owns one vec8 of channels (threadIdx.x, blockIdx.x) and steps over rows (threadIdx.y, blockIdx.y). The
// number of parts depends on the shape alone, and the parts are combined in order, in f64: the same bits every time, on
// every GPU.
#pragma once

#include <algorithm>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/runtime/launch.cuh"

namespace pc {

constexpr int kBatchNormThreads = 256;

// The tiling of a shape: the block size, the number of columns of blocks, and the parts of the rows.
struct BatchNormTiling {
  dim3 block;
  unsigned columns, parts;
  int64_t per_part;
  dim3 sums_grid() const { return {columns, parts}; }
  // Enough blocks to fill any GPU, and enough rows per thread to amortize reading the per-channel vectors.
  dim3 apply_grid(int64_t rows) const {
    const int64_t wanted = ceil_div(rows, int64_t(block.y) * 8), most = std::max(1u, 4096 / columns);
    return {columns, unsigned(std::min(wanted, most))};
  }
};
BatchNormTiling batch_norm_tiling(const BatchNormShape& s);

// Pass the f32 vectors too: they are read in vec8s.
inline bool batch_norm_aligned(const BatchNormShape& s, std::initializer_list<const void*> pointers) {
  return s.c % kVecWidth == 0 && aligned16(pointers);
}

// batch_norm_moments: mean and invstd of a.x, from a.sums if given, and updates the running statistics.
// batch_norm_running_moments: mean and invstd of the running statistics.
void batch_norm_moments(const BatchNormShape& s, DType dtype, const BatchNormForward& a);
void batch_norm_running_moments(const BatchNormShape& s, const BatchNormForward& a);

// partial: sums of g [parts, c], then of g * (x - mean) [parts, c]. Writes dgamma and dbeta, and to `shifts` the
// vectors of dx = scale * (g - shift - (x - mean) * slope): shift [c], then slope [c].
void batch_norm_combine_gradients(const BatchNormShape& s, unsigned parts, const float* partial,
                                  const BatchNormBackward& a, float* shifts);

// batch_norm_shifts_from_gradients: `shifts` from dgamma and dbeta that are computed already.
// batch_norm_apply_gradients: dx (and dresidual) in one pass over the tensors; dx may be dy.
void batch_norm_shifts_from_gradients(const BatchNormShape& s, const BatchNormBackward& a, float* shifts);
void batch_norm_apply_gradients(const BatchNormShape& s, DType dtype, const BatchNormBackward& a, const float* shifts);

// Rows [begin, end) of one part.
struct BatchNormRows {
  int64_t begin, end;
};
__device__ inline BatchNormRows batch_norm_rows(int64_t rows, int64_t per_part, int64_t part) {
  const int64_t begin = part * per_part;
  return {begin, begin + per_part < rows ? begin + per_part : rows};
}

// Adds up the threads' sums of g and of g * (x - mean) of the block, whose channels begin at c0, and writes them to row
// blockIdx.y of `partial`. sums and products: shared memory of kBatchNormThreads vec8s. All threads of the block must
// call it.
__device__ inline void batch_norm_store_sums(int channels, int c0, const float (&sum)[kVecWidth],
                                             const float (&product)[kVecWidth], float* sums, float* products,
                                             float* partial) {
  const int width = int(blockDim.x) * kVecWidth;
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i) {
    const int at = int(threadIdx.y) * width + int(threadIdx.x) * kVecWidth + i;
    sums[at] = sum[i];
    products[at] = product[i];
  }
  __syncthreads();
  const int channel = int(threadIdx.y * blockDim.x + threadIdx.x);
  if (channel >= width || c0 + channel >= channels) return;
  double all = 0, all_products = 0;
  for (int y = 0; y < int(blockDim.y); ++y) {
    all += double(sums[y * width + channel]);
    all_products += double(products[y * width + channel]);
  }
  float* to = partial + int64_t(blockIdx.y) * channels + c0 + channel;
  to[0] = float(all);
  to[int64_t(gridDim.y) * channels] = float(all_products);
}

}  // namespace pc
