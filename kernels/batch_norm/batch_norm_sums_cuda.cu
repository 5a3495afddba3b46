// The per-channel sums of batch normalization on CUDA: see batch_norm_sums.cuh.
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kMaxParts = 512;
constexpr int kCombineX = 32, kCombineY = 16;  // channels, and partials per channel, in a block of the combine kernels

// Count, mean and sum of squared differences from the mean. Chan, Golub & LeVeque, "Updating formulae and a pairwise
// algorithm for computing sample variances", 1979.
struct Moments {
  double n, mean, m2;
  __device__ void combine(double other_n, double other_mean, double other_m2) {
    if (other_n == 0) return;
    const double total = n + other_n, delta = other_mean - mean;
    mean += delta * (other_n / total);
    m2 += other_m2 + delta * delta * (n * other_n / total);
    n = total;
  }
};

// partial: mean [parts, c], then m2 [parts, c]. A thread sums x minus its first x: with this shift the difference of
// squares loses little precision, however far from 0 the mean is.
template <class T, bool Aligned>
__global__ void moments_kernel(BatchNormShape s, int64_t per_part, const T* x, float* partial) {
  __shared__ float means[kBatchNormThreads * kVecWidth], m2s[kBatchNormThreads * kVecWidth];
  const int c0 = int(blockIdx.x * blockDim.x) * kVecWidth, c = c0 + int(threadIdx.x) * kVecWidth,
            count = min(kVecWidth, s.c - c);
  const BatchNormRows rows = batch_norm_rows(s.rows, per_part, blockIdx.y);
  float shift[kVecWidth] = {}, sum[kVecWidth] = {}, square[kVecWidth] = {}, v[kVecWidth];
  int64_t row = rows.begin + threadIdx.y;
  int n = 0;
  if (count > 0 && row < rows.end) load_vec8<Aligned>(x + row * s.c + c, count, shift);
  if (count > 0) {
#pragma unroll 4
    for (; row < rows.end; row += blockDim.y, ++n) {
      load_vec8<Aligned>(x + row * s.c + c, count, v);
#pragma unroll
      for (int i = 0; i < kVecWidth; ++i) {
        const float d = v[i] - shift[i];
        sum[i] += d;
        square[i] += d * d;
      }
    }
  }
  const int width = int(blockDim.x) * kVecWidth;
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i) {
    const int at = int(threadIdx.y) * width + int(threadIdx.x) * kVecWidth + i;
    const float mean = n > 0 ? sum[i] / float(n) : 0.0f;
    means[at] = shift[i] + mean;
    m2s[at] = square[i] - sum[i] * mean;
  }
  __syncthreads();
  const int channel = int(threadIdx.y * blockDim.x + threadIdx.x);  // now one thread per channel
  if (channel >= width || c0 + channel >= s.c) return;
  Moments all{};
  for (int y = 0; y < int(blockDim.y); ++y) {
    const int64_t left = rows.end - rows.begin - y;
    const int64_t seen = left > 0 ? (left + blockDim.y - 1) / blockDim.y : 0;
    all.combine(double(seen), means[y * width + channel], m2s[y * width + channel]);
  }
  float* to = partial + int64_t(blockIdx.y) * s.c + c0 + channel;
  to[0] = float(all.mean);
  to[int64_t(gridDim.y) * s.c] = float(all.m2);
}

// Writes the statistics of one channel in training; m2 is the sum of squared differences from the mean.
__device__ inline void store_moments(const BatchNormShape& s, const BatchNormForward& a, int c, double mean,
                                     double m2) {
  const double m = double(s.rows), var = m2 / m;
  a.mean[c] = float(mean);
  a.invstd[c] = float(1 / sqrt(var + double(a.eps)));
  a.running_mean[c] += a.momentum * (float(mean) - a.running_mean[c]);
  a.running_var[c] += a.momentum * (float(m > 1 ? m2 / (m - 1) : var) - a.running_var[c]);
}

// The sums are f32: the relative error of the variance is about 1e-7 * (1 + mean^2 / variance).
__global__ void moments_from_sums_kernel(BatchNormShape s, BatchNormForward a) {
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= s.c) return;
  const double mean = double(a.sums[c]) / double(s.rows), m2 = double(a.sums[s.c + c]) - mean * double(a.sums[c]);
  store_moments(s, a, c, mean, m2 < 0 ? 0 : m2);  // propagates NaN
}

__global__ void combine_moments_kernel(BatchNormShape s, int64_t per_part, int parts, const float* partial,
                                       BatchNormForward a) {
  __shared__ Moments partials[kCombineY][kCombineX];
  const int c = int(blockIdx.x * kCombineX + threadIdx.x);
  Moments all{};
  if (c < s.c)
    for (int part = int(threadIdx.y); part < parts; part += kCombineY) {
      const BatchNormRows rows = batch_norm_rows(s.rows, per_part, part);
      const float* from = partial + int64_t(part) * s.c + c;
      all.combine(double(rows.end - rows.begin), from[0], from[int64_t(parts) * s.c]);
    }
  partials[threadIdx.y][threadIdx.x] = all;
  __syncthreads();
  if (threadIdx.y > 0 || c >= s.c) return;
  for (int y = 1; y < kCombineY; ++y) {
    const Moments& other = partials[y][threadIdx.x];
    all.combine(other.n, other.mean, other.m2);
  }
  store_moments(s, a, c, all.mean, all.m2);
}

__global__ void running_moments_kernel(BatchNormShape s, BatchNormForward a) {
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= s.c) return;
  a.mean[c] = a.running_mean[c];
  a.invstd[c] = 1 / sqrtf(a.running_var[c] + a.eps);
}

__global__ void combine_gradients_kernel(BatchNormShape s, int parts, const float* partial, BatchNormBackward a,
                                         float* shift) {
  __shared__ double sums[kCombineY][kCombineX], products[kCombineY][kCombineX];
  const int c = int(blockIdx.x * kCombineX + threadIdx.x);
  double sum = 0, product = 0;
  if (c < s.c)
    for (int part = int(threadIdx.y); part < parts; part += kCombineY) {
      const float* from = partial + int64_t(part) * s.c + c;
      sum += double(from[0]);
      product += double(from[int64_t(parts) * s.c]);
    }
  sums[threadIdx.y][threadIdx.x] = sum;
  products[threadIdx.y][threadIdx.x] = product;
  __syncthreads();
  if (threadIdx.y > 0 || c >= s.c) return;
  for (int y = 1; y < kCombineY; ++y) {
    sum += sums[y][threadIdx.x];
    product += products[y][threadIdx.x];
  }
  const double invstd = double(a.invstd[c]), m = double(s.rows);
  a.dbeta[c] = float(sum);
  a.dgamma[c] = float(product * invstd);
  shift[c] = float(sum / m);
  shift[s.c + c] = float(product * invstd * invstd / m);
}

__global__ void shifts_from_gradients_kernel(BatchNormShape s, BatchNormBackward a, float* shifts) {
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= s.c) return;
  const double m = double(s.rows);
  shifts[c] = float(double(a.dbeta[c]) / m);
  shifts[s.c + c] = float(double(a.dgamma[c]) * double(a.invstd[c]) / m);
}

unsigned channels_grid(int c) { return unsigned(ceil_div(c, kBatchNormThreads)); }
unsigned combine_grid(int c) { return unsigned(ceil_div(c, kCombineX)); }

}  // namespace

BatchNormTiling batch_norm_tiling(const BatchNormShape& s) {
  const int64_t vec8s = ceil_div(s.c, kVecWidth);
  unsigned x = 1;
  while (x < 32 && x < vec8s) x *= 2;
  BatchNormTiling tiling{
      .block = {x, kBatchNormThreads / x}, .columns = unsigned(ceil_div(vec8s, x)), .parts = 1, .per_part = s.rows};
  tiling.per_part = std::max<int64_t>(int64_t(tiling.block.y) * 16, ceil_div(s.rows, kMaxParts));
  tiling.parts = unsigned(ceil_div(s.rows, tiling.per_part));
  return tiling;
}

void batch_norm_moments(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  if (a.sums) return launch(channels_grid(s.c), kBatchNormThreads, moments_from_sums_kernel, s, a);
  const BatchNormTiling tiling = batch_norm_tiling(s);
  const Buffer partial(Device::cuda, std::size_t(tiling.parts) * std::size_t(s.c) * 2 * sizeof(float));
  with_float_type("batch_norm", dtype, [&](auto element) {
    with_flag(batch_norm_aligned(s, {a.x}), [&](auto aligned) {
      using T = decltype(element);
      launch(tiling.sums_grid(), tiling.block, moments_kernel<T, aligned.value>, s, tiling.per_part,
             static_cast<const T*>(a.x), partial.as<float>());
    });
  });
  launch(combine_grid(s.c), {kCombineX, kCombineY}, combine_moments_kernel, s, tiling.per_part, int(tiling.parts),
         partial.as<float>(), a);
}

void batch_norm_running_moments(const BatchNormShape& s, const BatchNormForward& a) {
  launch(channels_grid(s.c), kBatchNormThreads, running_moments_kernel, s, a);
}

void batch_norm_combine_gradients(const BatchNormShape& s, unsigned parts, const float* partial,
                                  const BatchNormBackward& a, float* shifts) {
  launch(combine_grid(s.c), {kCombineX, kCombineY}, combine_gradients_kernel, s, int(parts), partial, a, shifts);
}

void batch_norm_shifts_from_gradients(const BatchNormShape& s, const BatchNormBackward& a, float* shifts) {
  launch(channels_grid(s.c), kBatchNormThreads, shifts_from_gradients_kernel, s, a, shifts);
}

}  // namespace pc
