// Batch normalisation in one cooperative launch: see batch_norm_persistent.h.
//
// The moments of a part are taken in two true passes over what lies on chip: first its mean, then its squared
// differences from that. The parts are joined after one barrier of the grid, by every block for itself and in the same
// order, in f64.
#include <cooperative_groups.h>

#include "kernels/batch_norm/batch_norm_persistent.cuh"
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kThreads = kBatchNormTileThreads;

// Hands out the mean of the block's part and the sum of squared differences from it.
template <class T>
__device__ inline void moments_of_part(const BatchNormPlace& place, BatchNormOnChip<T, 1>& tile, float* partial) {
  float v[kOctet], mean[kOctet], sum[kOctet] = {}, square[kOctet] = {};
  tile.each([&](int, const auto& kept) {
    unpack(kept.of[0], v);
#pragma unroll
    for (int i = 0; i < kOctet; ++i) sum[i] += v[i];
  });
  const float part_mean = float(place.sum_of_block(sum) / double(place.rows_of(int(blockIdx.y))));
  place.spread(part_mean, mean);
  tile.each([&](int, const auto& kept) {
    unpack(kept.of[0], v);
#pragma unroll
    for (int i = 0; i < kOctet; ++i) square[i] += (v[i] - mean[i]) * (v[i] - mean[i]);
  });
  place.hand_out(part_mean, place.sum_of_block(square), partial);
}

// mean and scale = gamma * invstd of every thread's channels; one thread of the grid writes a channel's vectors.
__device__ inline void join_moments(const BatchNormShape& s, const BatchNormTile& cut, const BatchNormPlace& place,
                                    const float* partial, const BatchNormForward& a, float (&mean)[kOctet],
                                    float (&scale)[kOctet]) {
  const int c = place.channel();
  const auto of = [&](int part) { return partial + int64_t(part) * s.c + c; };
  const int64_t to_m2 = int64_t(cut.parts) * s.c;
  const double m = double(s.rows);
  const double all = place.sum_of_parts([&](int part) { return double(place.rows_of(part)) * double(*of(part)); }) / m;
  const double m2 = place.sum_of_parts([&](int part) {
    const double delta = double(*of(part)) - all;
    return double(of(part)[to_m2]) + double(place.rows_of(part)) * delta * delta;
  });
  const double var = m2 / m;
  const float invstd = float(1 / sqrt(var + double(s.eps)));
  if (place.speaks_for_all()) {
    a.mean[c] = float(all);
    a.invstd[c] = invstd;
    a.running_mean[c] += a.momentum * (float(all) - a.running_mean[c]);
    a.running_var[c] += a.momentum * (float(m > 1 ? m2 / (m - 1) : var) - a.running_var[c]);
  }
  place.spread(float(all), mean);
  place.spread(c < 0 ? 0.0f : a.gamma[c] * invstd, scale);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    persistent_forward_kernel(BatchNormShape s, BatchNormTile cut, BatchNormForward a, float* partial) {
  const BatchNormPlace place(s, cut);
  BatchNormOnChip<T, 1> tile(place);
  tile.fetch(0, a.x);
  tile.arrived();
  moments_of_part(place, tile, partial);
  cooperative_groups::this_grid().sync();
  float mean[kOctet], scale[kOctet], beta[kOctet], v[kOctet], other[kOctet];
  join_moments(s, cut, place, partial, a, mean, scale);
  const int c = place.octet() * kOctet;
  load_octet<true>(a.beta + c, s.c - c, beta);
  const auto residual = [&](int slot) { return a.residual ? *tile.packed_at(a.residual, slot) : PackedOctet<T>{}; };
  tile.each(residual, [&](int slot, const auto& kept, const PackedOctet<T>& loaded) {
    unpack(kept.of[0], v);
    unpack(loaded, other);
    unsigned bits = 0;
#pragma unroll
    for (int i = 0; i < kOctet; ++i) {
      v[i] = (v[i] - mean[i]) * scale[i] + beta[i] + other[i];
      if (a.relu) v[i] = v[i] < 0 ? 0.0f : v[i];  // lets NaN through
      bits |= unsigned(rounded<T>(v[i]) > 0) << i;
    }
    if (a.mask) a.mask[place.mask_at(slot)] = uint8_t(bits);
    store_octet<true>(static_cast<T*>(a.y) + place.at(slot), kOctet, v);
  });
}

// What dx = scale * (g - shift - (x - mean) * slope) needs, from the sums of g and of g * (x - mean) by part; one
// thread of the grid writes a channel's gradients.
__device__ inline void join_gradients(const BatchNormShape& s, const BatchNormTile& cut, const BatchNormPlace& place,
                                      const float* partial, const BatchNormBackward& a, float (&shift)[kOctet],
                                      float (&slope)[kOctet]) {
  const int c = place.channel();
  const auto of = [&](int part) { return partial + int64_t(part) * s.c + c; };
  const int64_t to_product = int64_t(cut.parts) * s.c;
  const double sum = place.sum_of_parts([&](int part) { return double(*of(part)); });
  const double product = place.sum_of_parts([&](int part) { return double(of(part)[to_product]); });
  const double invstd = c < 0 ? 0 : double(a.invstd[c]), m = double(s.rows);
  if (place.speaks_for_all()) {
    a.dbeta[c] = float(sum);
    a.dgamma[c] = float(product * invstd);
  }
  place.spread(float(sum / m), shift);
  place.spread(float(product * invstd * invstd / m), slope);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    persistent_backward_kernel(BatchNormShape s, BatchNormTile cut, BatchNormBackward a, float* partial) {
  const BatchNormPlace place(s, cut);
  BatchNormOnChip<T, 2> tile(place);
  tile.fetch(0, a.x);
  tile.fetch(1, a.dy);
  tile.arrived();
  const int c = place.octet() * kOctet;
  float mean[kOctet], x[kOctet], g[kOctet], sum[kOctet] = {}, product[kOctet] = {};
  load_octet<true>(a.mean + c, s.c - c, mean);
  const auto bits = [&](int slot) { return a.mask ? unsigned(a.mask[place.mask_at(slot)]) : 0xffu; };
  tile.each(bits, [&](int, auto& kept, unsigned loaded) {
    kept.of[1] = masked(kept.of[1], loaded);
    unpack(kept.of[0], x);
    unpack(kept.of[1], g);
#pragma unroll
    for (int i = 0; i < kOctet; ++i) {
      sum[i] += g[i];
      product[i] += g[i] * (x[i] - mean[i]);
    }
  });
  const double all = place.sum_of_block(sum), all_products = place.sum_of_block(product);
  place.hand_out(all, all_products, partial);
  cooperative_groups::this_grid().sync();
  float shift[kOctet], slope[kOctet], scale[kOctet];
  join_gradients(s, cut, place, partial, a, shift, slope);
  load_octet<true>(a.gamma + c, s.c - c, scale);
  load_octet<true>(a.invstd + c, s.c - c, x);
#pragma unroll
  for (int i = 0; i < kOctet; ++i) scale[i] *= x[i];
  tile.each([&](int slot, const auto& kept) {
    unpack(kept.of[0], x);
    unpack(kept.of[1], g);
    if (a.dresidual) store_octet<true>(static_cast<T*>(a.dresidual) + place.at(slot), kOctet, g);
#pragma unroll
    for (int i = 0; i < kOctet; ++i) g[i] = (g[i] - (shift[i] + (x[i] - mean[i]) * slope[i])) * scale[i];
    store_octet<true>(static_cast<T*>(a.dx) + place.at(slot), kOctet, g);
  });
}

BatchNormChip chip() {
  int device = 0;
  BatchNormChip found{};
  PC_CHECK(cudaGetDevice(&device));
  PC_CHECK(cudaDeviceGetAttribute(&found.multiprocessors, cudaDevAttrMultiProcessorCount, device));
  PC_CHECK(cudaDeviceGetAttribute(&found.shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  return found;
}

// Launches make_kernel(element), which takes the shape, the cut, the arguments and an array of two sums by part.
template <class Arguments, class MakeKernel>
bool launch_tile(const BatchNormShape& s, DType dtype, int tensors, const Arguments& a, MakeKernel make_kernel) {
  const std::optional<BatchNormTile> cut = batch_norm_tile(s, dtype, tensors, chip());
  if (!cut) return false;
  const Buffer partial(Device::cuda, std::size_t(cut->parts) * std::size_t(s.c) * 2 * sizeof(float));
  with_float_type("batch_norm", dtype, [&](auto element) {
    launch_together({unsigned(cut->columns), unsigned(cut->parts)}, {unsigned(cut->x), unsigned(cut->y)},
                    std::size_t(cut->shared_bytes), make_kernel(element), s, *cut, a, partial.as<float>());
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
