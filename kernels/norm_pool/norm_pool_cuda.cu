// norm_pool on CUDA: a thread owns one vec8 of channels (threadIdx.x, blockIdx.x) and steps over positions
// (threadIdx.y, blockIdx.y). z, the map between norm and pool, is recomputed wherever it is needed: neighboring windows
// read the same x from the cache.
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/max_pool/max_pool_positions.cuh"
#include "kernels/norm_pool/norm_pool.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

// The batch norm vectors of one vec8 of channels, and z from x.
struct Norm {
  float mean[kVecWidth], scale[kVecWidth], beta[kVecWidth];

  template <bool Aligned>
  __device__ void load(const float* from_mean, const float* invstd, const float* gamma, const float* from_beta,
                       int count) {
    float g[kVecWidth];
    load_vec8<Aligned>(from_mean, count, mean);
    load_vec8<Aligned>(gamma, count, scale);
    load_vec8<Aligned>(invstd, count, g);
    load_vec8<Aligned>(from_beta, count, beta);
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) scale[k] *= g[k];
  }

  // Rounded to T, as if read back from memory, so that equal values stay equal.
  template <class T>
  __device__ float z(float x, int k) const {
    const float v = (x - mean[k]) * scale[k] + beta[k];
    return rounded<T>(v < 0 ? 0.0f : v);  // propagates NaN
  }
};

// The largest z of a window, and its x; the first one of equal values. NaN counts as the maximum.
template <class T, bool Aligned>
__device__ inline void largest(const MaxPoolShape& s, const T* x, const Norm& norm, const PoolCoord& at, int c,
                               int count, float (&best)[kVecWidth], float (&best_x)[kVecWidth]) {
  const PoolWindow window = pool_window(s, int(at.row), int(at.column));
  float v[kVecWidth];
#pragma unroll
  for (int k = 0; k < kVecWidth; ++k) best[k] = -INFINITY, best_x[k] = 0;
  for (int r = window.r0; r < window.r1; ++r)
    for (int q = window.q0; q < window.q1; ++q) {
      load_vec8<Aligned>(x + ((int64_t(at.n) * s.h + window.h + r) * s.w + window.w + q) * s.c + c, count, v);
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) {
        const float z = norm.z<T>(v[k], k);
        if (z > best[k] || isnan(z)) best[k] = z, best_x[k] = v[k];
      }
    }
}

template <class T, bool Aligned>
__global__ void forward_kernel(NormPoolShape shape, uint32_t positions, NormPoolForward a) {
  const MaxPoolShape& s = shape.pool;
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x) * kVecWidth, count = min(kVecWidth, s.c - c);
  if (count <= 0) return;
  const T* x = static_cast<const T*>(a.x);
  Norm norm;
  norm.load<Aligned>(a.mean + c, a.invstd + c, a.gamma + c, a.beta + c, count);
  for (uint32_t i = blockIdx.y * blockDim.y + threadIdx.y; i < positions; i += gridDim.y * blockDim.y) {
    const PoolCoord at = pool_coord(i, uint32_t(s.p()), uint32_t(s.q()));
    float best[kVecWidth], best_x[kVecWidth];
    largest<T, Aligned>(s, x, norm, at, c, count, best, best_x);
    store_vec8<Aligned>(static_cast<T*>(a.y) + int64_t(i) * s.c + c, count, best);
  }
}

// A window gives its dy to one position, so the sums of g can be taken window by window. partial: as batch_norm's.
template <class T, bool Aligned>
__global__ void gradient_sums_kernel(NormPoolShape shape, int64_t positions, int64_t per_part, NormPoolBackward a,
                                     float* partial) {
  __shared__ float sums[kBatchNormThreads * kVecWidth], products[kBatchNormThreads * kVecWidth];
  const MaxPoolShape& s = shape.pool;
  const int c0 = int(blockIdx.x * blockDim.x) * kVecWidth, c = c0 + int(threadIdx.x) * kVecWidth,
            count = min(kVecWidth, s.c - c);
  const BatchNormRows rows = batch_norm_rows(positions, per_part, blockIdx.y);
  float sum[kVecWidth] = {}, product[kVecWidth] = {};
  if (count > 0) {
    const T* x = static_cast<const T*>(a.x);
    Norm norm;
    norm.load<Aligned>(a.mean + c, a.invstd + c, a.gamma + c, a.beta + c, count);
    for (int64_t i = rows.begin + threadIdx.y; i < rows.end; i += blockDim.y) {
      const PoolCoord at = pool_coord(uint32_t(i), uint32_t(s.p()), uint32_t(s.q()));
      float best[kVecWidth], best_x[kVecWidth], v[kVecWidth];
      largest<T, Aligned>(s, x, norm, at, c, count, best, best_x);
      load_vec8<Aligned>(static_cast<const T*>(a.dy) + i * s.c + c, count, v);
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) {
        const float g = best[k] > 0 ? v[k] : 0.0f;
        sum[k] += g;
        product[k] += g * (best_x[k] - norm.mean[k]);
      }
    }
  }
  batch_norm_store_sums(s.c, c0, sum, product, sums, products, partial);
}

// Adds dy of every window whose first maximum is at (row, column); `own` is z there. A window's maximum is y, so only
// an equal value at an earlier position excludes this one.
template <class T, bool Aligned>
__device__ inline void gather(const MaxPoolShape& s, const NormPoolBackward& a, const Norm& norm, const PoolCoord& at,
                              int c, int count, const float (&own)[kVecWidth], float (&g)[kVecWidth]) {
  const T* x = static_cast<const T*>(a.x);
  const int row = int(at.row), column = int(at.column);
  const PoolCover cover = pool_cover(s, row, column);
  float top[kVecWidth], v[kVecWidth];
  for (int p = cover.p0; p <= cover.p1; ++p)
    for (int q = cover.q0; q <= cover.q1; ++q) {
      const int64_t from = ((int64_t(at.n) * s.p() + p) * s.q() + q) * s.c + c;
      load_vec8<Aligned>(static_cast<const T*>(a.y) + from, count, top);
      unsigned mine = 0;
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) mine |= unsigned(own[k] > 0 && own[k] == top[k]) << k;
      const PoolWindow window = pool_window(s, p, q);
      const int last = row - window.h;
      for (int r = window.r0; mine && r <= last; ++r) {
        const int end = r < last ? window.q1 : column - window.w;
        for (int i = window.q0; mine && i < end; ++i) {
          load_vec8<Aligned>(x + ((int64_t(at.n) * s.h + window.h + r) * s.w + window.w + i) * s.c + c, count, v);
#pragma unroll
          for (int k = 0; k < kVecWidth; ++k) mine &= ~(unsigned(norm.z<T>(v[k], k) == top[k]) << k);
        }
      }
      if (!mine) continue;
      load_vec8<Aligned>(static_cast<const T*>(a.dy) + from, count, v);
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) g[k] += mine >> k & 1 ? v[k] : 0.0f;
    }
}

template <class T, bool Aligned>
__global__ void apply_gradients_kernel(NormPoolShape shape, uint32_t positions, NormPoolBackward a,
                                       const float* shifts) {
  const MaxPoolShape& s = shape.pool;
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x) * kVecWidth, count = min(kVecWidth, s.c - c);
  if (count <= 0) return;
  Norm norm;
  norm.load<Aligned>(a.mean + c, a.invstd + c, a.gamma + c, a.beta + c, count);
  float shift[kVecWidth], slope[kVecWidth];
  load_vec8<Aligned>(shifts + c, count, shift);
  load_vec8<Aligned>(shifts + s.c + c, count, slope);
  for (uint32_t i = blockIdx.y * blockDim.y + threadIdx.y; i < positions; i += gridDim.y * blockDim.y) {
    const PoolCoord at = pool_coord(i, uint32_t(s.h), uint32_t(s.w));
    float x[kVecWidth], own[kVecWidth], g[kVecWidth] = {};
    load_vec8<Aligned>(static_cast<const T*>(a.x) + int64_t(i) * s.c + c, count, x);
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) own[k] = norm.z<T>(x[k], k);
    gather<T, Aligned>(s, a, norm, at, c, count, own, g);
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) {
      if (a.training) g[k] -= shift[k] + (x[k] - norm.mean[k]) * slope[k];
      g[k] *= norm.scale[k];
    }
    store_vec8<Aligned>(static_cast<T*>(a.dx) + int64_t(i) * s.c + c, count, g);
  }
}

int64_t saved_bytes(const NormPoolShape&) { return 0; }

void forward(const NormPoolShape& s, DType dtype, const NormPoolForward& a) {
  const BatchNormShape norm = s.norm();
  const uint32_t positions = pool_positions("norm_pool", s.pool.n, s.pool.p(), s.pool.q());
  const BatchNormForward moments{.x = a.x,
                                 .gamma = a.gamma,
                                 .beta = a.beta,
                                 .eps = a.eps,
                                 .momentum = a.momentum,
                                 .running_mean = a.running_mean,
                                 .running_var = a.running_var,
                                 .mean = a.mean,
                                 .invstd = a.invstd};
  if (a.training)
    batch_norm_moments(norm, dtype, moments);
  else
    batch_norm_running_moments(norm, moments);
  const BatchNormTiling tiling = batch_norm_tiling(norm);
  with_float_type("norm_pool", dtype, [&](auto element) {
    with_flag(batch_norm_aligned(norm, {a.x, a.gamma, a.beta, a.y, a.mean, a.invstd}), [&](auto aligned) {
      launch(tiling.apply_grid(positions), tiling.block, forward_kernel<decltype(element), aligned.value>, s, positions,
             a);
    });
  });
}

void backward(const NormPoolShape& s, DType dtype, const NormPoolBackward& a) {
  const BatchNormShape norm = s.norm();
  const uint32_t positions = pool_positions("norm_pool", s.pool.n, s.pool.h, s.pool.w);
  const BatchNormShape pooled{.rows = int64_t(s.pool.n) * s.pool.p() * s.pool.q(), .c = s.pool.c};
  const BatchNormTiling tiling = batch_norm_tiling(pooled);
  const Buffer partial(Device::cuda, std::size_t(tiling.parts) * std::size_t(norm.c) * 2 * sizeof(float));
  const Buffer shifts(Device::cuda, std::size_t(norm.c) * 2 * sizeof(float));
  const BatchNormBackward combine{
      .dy = a.dy, .x = a.x, .gamma = a.gamma, .mean = a.mean, .invstd = a.invstd, .dgamma = a.dgamma, .dbeta = a.dbeta};
  with_float_type("norm_pool", dtype, [&](auto element) {
    with_flag(batch_norm_aligned(norm, {a.dy, a.x, a.y, a.gamma, a.beta, a.mean, a.invstd, a.dx}), [&](auto aligned) {
      using T = decltype(element);
      launch(tiling.sums_grid(), tiling.block, gradient_sums_kernel<T, aligned.value>, s, pooled.rows, tiling.per_part,
             a, partial.as<float>());
      batch_norm_combine_gradients(norm, tiling.parts, partial.as<float>(), combine, shifts.as<float>());
      launch(tiling.apply_grid(positions), tiling.block, apply_gradients_kernel<T, aligned.value>, s, positions, a,
             shifts.as<float>());
    });
  });
}

}  // namespace

const NormPoolKernels norm_pool_cuda{.saved_bytes = saved_bytes, .forward = forward, .backward = backward};

}  // namespace pc
