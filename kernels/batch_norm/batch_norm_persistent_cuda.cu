// Batch normalization in one cooperative launch: see batch_norm_persistent.h.
//
// The moments of a part take two passes over the on-chip data: first the mean, then the sum of squared differences from
// it. After one grid barrier every block combines the moments of all parts, in the same order and in f64.
#include <cooperative_groups.h>

#include "kernels/batch_norm/batch_norm_persistent.cuh"
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kThreads = kBatchNormTileThreads;

// Writes the partial moments of the block's part: its mean, and the sum of squared differences from it.
template <class T>
__device__ inline void moments_of_part(const BatchNormCoord& coord, BatchNormOnChip<T, 1>& tile, float* partial) {
  float v[kVecWidth], mean[kVecWidth], sum[kVecWidth] = {}, square[kVecWidth] = {};
  tile.each([&](int, const auto& kept) {
    unpack(kept.of[0], v);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) sum[i] += v[i];
  });
  const float part_mean = float(coord.sum_of_block(sum) / double(coord.rows_of(int(blockIdx.y))));
  coord.broadcast(part_mean, mean);
  tile.each([&](int, const auto& kept) {
    unpack(kept.of[0], v);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) square[i] += (v[i] - mean[i]) * (v[i] - mean[i]);
  });
  coord.write_partials(part_mean, coord.sum_of_block(square), partial);
}

// mean and scale = gamma * invstd of every thread's channels; one thread of the grid per channel writes the statistics.
__device__ inline void combine_moments(const BatchNormShape& s, const BatchNormTile& tiling,
                                       const BatchNormCoord& coord, const float* partial, const BatchNormForward& a,
                                       float (&mean)[kVecWidth], float (&scale)[kVecWidth]) {
  const int c = coord.channel();
  const auto of = [&](int part) { return partial + int64_t(part) * s.c + c; };
  const int64_t to_m2 = int64_t(tiling.parts) * s.c;
  const double m = double(s.rows);
  const double all = coord.sum_of_parts([&](int part) { return double(coord.rows_of(part)) * double(*of(part)); }) / m;
  const double m2 = coord.sum_of_parts([&](int part) {
    const double delta = double(*of(part)) - all;
    return double(of(part)[to_m2]) + double(coord.rows_of(part)) * delta * delta;
  });
  const double var = m2 / m;
  const float invstd = float(1 / sqrt(var + double(a.eps)));
  if (coord.is_channel_leader()) {
    a.mean[c] = float(all);
    a.invstd[c] = invstd;
    a.running_mean[c] += a.momentum * (float(all) - a.running_mean[c]);
    a.running_var[c] += a.momentum * (float(m > 1 ? m2 / (m - 1) : var) - a.running_var[c]);
  }
  coord.broadcast(float(all), mean);
  coord.broadcast(c < 0 ? 0.0f : a.gamma[c] * invstd, scale);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    persistent_forward_kernel(BatchNormShape s, BatchNormTile tiling, BatchNormForward a, float* partial) {
  const BatchNormCoord coord(s, tiling);
  BatchNormOnChip<T, 1> tile(coord);
  tile.fetch(0, a.x);
  tile.arrived();
  moments_of_part(coord, tile, partial);
  cooperative_groups::this_grid().sync();
  float mean[kVecWidth], scale[kVecWidth], beta[kVecWidth], v[kVecWidth], other[kVecWidth];
  combine_moments(s, tiling, coord, partial, a, mean, scale);
  const int c = coord.vec8() * kVecWidth;
  load_vec8<true>(a.beta + c, s.c - c, beta);
  const auto residual = [&](int slot) { return a.residual ? *tile.packed_at(a.residual, slot) : PackedVec8<T>{}; };
  tile.each(residual, [&](int slot, const auto& kept, const PackedVec8<T>& loaded) {
    unpack(kept.of[0], v);
    unpack(loaded, other);
    unsigned bits = 0;
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) {
      v[i] = (v[i] - mean[i]) * scale[i] + beta[i] + other[i];
      if (a.activation == Activation::relu) v[i] = v[i] < 0 ? 0.0f : v[i];  // propagates NaN
      bits |= unsigned(rounded<T>(v[i]) > 0) << i;
    }
    if (a.mask) a.mask[coord.mask_at(slot)] = uint8_t(bits);
    store_vec8<true>(static_cast<T*>(a.y) + coord.at(slot), kVecWidth, v);
  });
}

// shift and slope of dx = scale * (g - shift - (x - mean) * slope), from the partial sums of g and of g * (x - mean);
// one thread of the grid per channel writes dgamma and dbeta.
__device__ inline void combine_gradients(const BatchNormShape& s, const BatchNormTile& tiling,
                                         const BatchNormCoord& coord, const float* partial, const BatchNormBackward& a,
                                         float (&shift)[kVecWidth], float (&slope)[kVecWidth]) {
  const int c = coord.channel();
  const auto of = [&](int part) { return partial + int64_t(part) * s.c + c; };
  const int64_t to_product = int64_t(tiling.parts) * s.c;
  const double sum = coord.sum_of_parts([&](int part) { return double(*of(part)); });
  const double product = coord.sum_of_parts([&](int part) { return double(of(part)[to_product]); });
  const double invstd = c < 0 ? 0 : double(a.invstd[c]), m = double(s.rows);
  if (coord.is_channel_leader()) {
    a.dbeta[c] = float(sum);
    a.dgamma[c] = float(product * invstd);
  }
  coord.broadcast(float(sum / m), shift);
  coord.broadcast(float(product * invstd * invstd / m), slope);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    persistent_backward_kernel(BatchNormShape s, BatchNormTile tiling, BatchNormBackward a, float* partial) {
  const BatchNormCoord coord(s, tiling);
  BatchNormOnChip<T, 2> tile(coord);
  tile.fetch(0, a.x);
  tile.fetch(1, a.dy);
  tile.arrived();
  const int c = coord.vec8() * kVecWidth;
  float mean[kVecWidth], x[kVecWidth], g[kVecWidth], sum[kVecWidth] = {}, product[kVecWidth] = {};
  load_vec8<true>(a.mean + c, s.c - c, mean);
  const auto bits = [&](int slot) { return a.mask ? unsigned(a.mask[coord.mask_at(slot)]) : 0xffu; };
  tile.each(bits, [&](int, auto& kept, unsigned loaded) {
    kept.of[1] = masked(kept.of[1], loaded);
    unpack(kept.of[0], x);
    unpack(kept.of[1], g);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) {
      sum[i] += g[i];
      product[i] += g[i] * (x[i] - mean[i]);
    }
  });
  const double all = coord.sum_of_block(sum), all_products = coord.sum_of_block(product);
  coord.write_partials(all, all_products, partial);
  cooperative_groups::this_grid().sync();
  float shift[kVecWidth], slope[kVecWidth], scale[kVecWidth];
  combine_gradients(s, tiling, coord, partial, a, shift, slope);
  load_vec8<true>(a.gamma + c, s.c - c, scale);
  load_vec8<true>(a.invstd + c, s.c - c, x);
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i) scale[i] *= x[i];
  tile.each([&](int slot, const auto& kept) {
    unpack(kept.of[0], x);
    unpack(kept.of[1], g);
    if (a.dresidual) store_vec8<true>(static_cast<T*>(a.dresidual) + coord.at(slot), kVecWidth, g);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) g[i] = (g[i] - (shift[i] + (x[i] - mean[i]) * slope[i])) * scale[i];
    store_vec8<true>(static_cast<T*>(a.dx) + coord.at(slot), kVecWidth, g);
  });
}

BatchNormChip chip() {
  int device = 0;
  BatchNormChip found{};
  PC_CUDA_CHECK(cudaGetDevice(&device));
  PC_CUDA_CHECK(cudaDeviceGetAttribute(&found.multiprocessors, cudaDevAttrMultiProcessorCount, device));
  PC_CUDA_CHECK(cudaDeviceGetAttribute(&found.shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  return found;
}

// Launches make_kernel(element), a kernel that takes the shape, the tiling, the arguments and an array of two sums per
// part and channel.
template <class Arguments, class MakeKernel>
bool launch_tile(const BatchNormShape& s, DType dtype, int tensors, const Arguments& a, MakeKernel make_kernel) {
  const std::optional<BatchNormTile> tiling = batch_norm_tile(s, dtype, tensors, chip());
  if (!tiling) return false;
  const Buffer partial(Device::cuda, std::size_t(tiling->parts) * std::size_t(s.c) * 2 * sizeof(float));
  with_float_type("batch_norm", dtype, [&](auto element) {
    launch_cooperative({unsigned(tiling->columns), unsigned(tiling->parts)}, {unsigned(tiling->x), unsigned(tiling->y)},
                       std::size_t(tiling->shared_bytes), make_kernel(element), s, *tiling, a, partial.as<float>());
  });
  return true;
}

}  // namespace

bool batch_norm_persistent_forward(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  if (!batch_norm_aligned(s, {a.x, a.gamma, a.beta, a.residual, a.y})) return false;
  return launch_tile(s, dtype, 1, a, [](auto element) { return persistent_forward_kernel<decltype(element)>; });
}

bool batch_norm_persistent_backward(const BatchNormShape& s, DType dtype, const BatchNormBackward& a) {
  if (!batch_norm_aligned(s, {a.dy, a.x, a.gamma, a.mean, a.invstd, a.dx, a.dresidual})) return false;
  return launch_tile(s, dtype, 2, a, [](auto element) { return persistent_backward_kernel<decltype(element)>; });
}

}  // namespace pc
