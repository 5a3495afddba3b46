// Batch normalisation in one cooperative launch: see batch_norm_persistent.h.
//
// The moments of a part are taken in two true passes over what lies on chip: first its mean, then its squared
// differences from that. The parts are joined after one barrier of the grid, by every block for itself and in the same
// order, in f64.
#include <cooperative_groups.h>
#include <cuda_pipeline.h>

#include <cstring>

#include "kernels/batch_norm/batch_norm_persistent.h"
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kThreads = kBatchNormTileThreads;

// An octet as it lies in memory. (The compiler would give each 16-bit value of an Octet a register of its own.)
template <class T>
struct Packed {
  uint4 pieces[sizeof(Octet<T>) / sizeof(uint4)];
};

template <class T>
__device__ inline void unpack(Packed<T> from, float (&to)[kOctet]) {
  Octet<T> octet;
  memcpy(&octet, &from, sizeof(octet));
#pragma unroll
  for (int i = 0; i < kOctet; ++i) to[i] = to_float(octet.value[i]);
}

// With 0 where the mask has no bit.
template <class T>
__device__ inline Packed<T> masked(Packed<T> packed, unsigned bits) {
  Octet<T> octet;
  const Octet<T> nothing{};
  memcpy(&octet, &packed, sizeof(octet));
#pragma unroll
  for (int i = 0; i < kOctet; ++i)
    if (!(bits >> i & 1)) octet.value[i] = nothing.value[i];
  memcpy(&packed, &octet, sizeof(octet));
  return packed;
}

// At the begin of the block's shared memory; the tile follows.
struct Sums {
  float values[kThreads * kOctet];
  double stripes[kThreads];
};

// What a thread is for. To the tensors it is the owner of an octet of channels in some rows, its slots; to the sums it
// is one of the stripes that add up a channel.
class Place {
 public:
  __device__ Place(const BatchNormShape& s, const BatchNormTile& cut) : s_(s), cut_(cut) {}
  __device__ int octet() const { return int(blockIdx.x) * cut_.x + int(threadIdx.x); }
  // What fits on a chip has fewer than 2^31 elements.
  __device__ int mask_at(int slot) const {
    const int row = int(blockIdx.y) * cut_.per_part + slot * cut_.y + int(threadIdx.y);
    return row * (s_.c / kOctet) + octet();
  }
  __device__ int at(int slot) const { return mask_at(slot) * kOctet; }
  // Of this thread; 0 beyond the last octet.
  __device__ int slots() const {
    const int rows = rows_of(int(blockIdx.y)) - int(threadIdx.y);
    return rows > 0 && octet() * kOctet < s_.c ? (rows + cut_.y - 1) / cut_.y : 0;
  }
  __device__ int rows_of(int part) const { return min(cut_.per_part, int(s_.rows) - part * cut_.per_part); }

  // The channel to sum up, -1 beyond the last one.
  __device__ int channel() const {
    const int c = int(blockIdx.x) * width() + thread() % width();
    return c < s_.c ? c : -1;
  }
  // One thread of the grid speaks for its channel.
  __device__ bool speaks_for_all() const { return blockIdx.y == 0 && speaks(); }

  // The sum of term(i), i < count, in every thread of the channel. All threads of the block must call it.
  template <class Term>
  __device__ double sum(int count, Term term) const {
    const int stripes = kThreads / width();
    double own = 0, all = 0;
    for (int i = thread() / width(); i < count; i += stripes) own += term(i);
    sums().stripes[thread()] = own;
    __syncthreads();
    for (int i = 0; i < stripes; ++i) all += sums().stripes[i * width() + thread() % width()];
    __syncthreads();
    return all;
  }
  // The same of the octets of the block's threads.
  __device__ double sum_of_block(const float (&octet)[kOctet]) const {
    float* const own = sums().values + thread() * kOctet;
#pragma unroll
    for (int i = 0; i < kOctet; ++i) own[i] = octet[i];
    __syncthreads();
    return sum(cut_.y, [&](int y) { return double(sums().values[y * width() + thread() % width()]); });
  }
  // Hands two sums of the block to all blocks. partial: the first of each part [parts, c], then the second.
  __device__ void hand_out(double first, double second, float* partial) const {
    if (!speaks()) return;
    float* const to = partial + int64_t(blockIdx.y) * s_.c + channel();
    to[0] = float(first);
    to[int64_t(cut_.parts) * s_.c] = float(second);
  }
  // Of all parts' terms. Reads only what was written before the grid's barrier.
  template <class Term>
  __device__ double sum_of_parts(Term term) const {
    return sum(channel() < 0 ? 0 : cut_.parts, term);
  }
  // Gives every thread its octet of what is known by channel.
  __device__ void spread(float of_channel, float (&octet)[kOctet]) const {
    if (thread() < width()) sums().values[thread()] = of_channel;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kOctet; ++i) octet[i] = sums().values[int(threadIdx.x) * kOctet + i];
    __syncthreads();
  }

 private:
  __device__ int thread() const { return int(threadIdx.y) * cut_.x + int(threadIdx.x); }
  __device__ int width() const { return cut_.x * kOctet; }
  // One thread of the block for each channel.
  __device__ bool speaks() const { return thread() < width() && channel() >= 0; }
  __device__ static Sums& sums() { return *reinterpret_cast<Sums*>(dynamic_shared()); }

  const BatchNormShape& s_;
  const BatchNormTile& cut_;
};

// What a thread keeps of each of some tensors: its first slots in registers, the others in shared memory, where no
// other thread looks at them.
template <class T, int Tensors>
class Tile {
 public:
  struct Slot {
    Packed<T> of[Tensors];
  };

  __device__ Tile(const Place& place) : place_(place), slots_(place.slots()) {
    more_ = reinterpret_cast<Slot*>(dynamic_shared() + sizeof(Sums)) + threadIdx.y * blockDim.x + threadIdx.x;
  }

  // Begins to read one of the tensors; arrived() waits for all.
  __device__ void fetch(int tensor, const void* from) {
    for (int slot = kKept; slot < slots_; ++slot) {
      const Packed<T>* const source = packed_at(from, slot);
      for (int i = 0; i < int(sizeof(Packed<T>) / sizeof(uint4)); ++i)
        __pipeline_memcpy_async(&more(slot).of[tensor].pieces[i], &source->pieces[i], sizeof(uint4));
    }
    __pipeline_commit();
#pragma unroll
    for (int slot = 0; slot < kKept; ++slot)
      if (slot < slots_) kept_[slot].of[tensor] = *packed_at(from, slot);
  }
  __device__ void arrived() const { __pipeline_wait_prior(0); }

  // f(slot, what is kept of it) for every slot.
  template <class F>
  __device__ void each(F f) {
    each([](int) { return 0; }, [&](int slot, Slot& kept, int) { f(slot, kept); });
  }
  // use(slot, what is kept of it, load(slot)) for every slot; the loads of several are on their way at once.
  template <class Load, class Use>
  __device__ void each(Load load, Use use) {
    decltype(load(0)) loaded[kAtOnce];
#pragma unroll
    for (int first = 0; first < kKept; first += kAtOnce) {
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (first + i < slots_) loaded[i] = load(first + i);
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (first + i < slots_) use(first + i, kept_[first + i], loaded[i]);
    }
    for (int first = kKept; first < slots_; first += kAtOnce) {
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (first + i < slots_) loaded[i] = load(first + i);
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i)
        if (first + i < slots_) use(first + i, more(first + i), loaded[i]);
    }
  }

  __device__ const Packed<T>* packed_at(const void* tensor, int slot) const {
    return reinterpret_cast<const Packed<T>*>(static_cast<const T*>(tensor) + place_.at(slot));
  }

 private:
  static constexpr int kKept = batch_norm_slots_in_registers(sizeof(T), Tensors), kAtOnce = 3;
  static_assert(kKept % kAtOnce == 0);
  __device__ Slot& more(int slot) const { return more_[(slot - kKept) * kThreads]; }

  const Place& place_;
  int slots_;
  Slot kept_[kKept];
  Slot* more_;
};

// Hands out the mean of the block's part and the sum of squared differences from it.
template <class T>
__device__ inline void moments_of_part(const Place& place, Tile<T, 1>& tile, float* partial) {
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
__device__ inline void join_moments(const BatchNormShape& s, const BatchNormTile& cut, const Place& place,
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
  const Place place(s, cut);
  Tile<T, 1> tile(place);
  tile.fetch(0, a.x);
  tile.arrived();
  moments_of_part(place, tile, partial);
  cooperative_groups::this_grid().sync();
  float mean[kOctet], scale[kOctet], beta[kOctet], v[kOctet], other[kOctet];
  join_moments(s, cut, place, partial, a, mean, scale);
  const int c = place.octet() * kOctet;
  load_octet<true>(a.beta + c, s.c - c, beta);
  const auto residual = [&](int slot) { return a.residual ? *tile.packed_at(a.residual, slot) : Packed<T>{}; };
  tile.each(residual, [&](int slot, const auto& kept, const Packed<T>& loaded) {
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
__device__ inline void join_gradients(const BatchNormShape& s, const BatchNormTile& cut, const Place& place,
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
  const Place place(s, cut);
  Tile<T, 2> tile(place);
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
