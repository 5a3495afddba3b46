// The parts of the kernels in batch_norm_persistent_cuda.cu: the on-chip storage of a thread, and the sums over a block
// and over the grid.
#pragma once

#include <cuda_pipeline.h>

#include <cstring>

#include "kernels/batch_norm/batch_norm_persistent.h"
#include "kernels/runtime/launch.cuh"

namespace pc {

// A vec8 with its memory layout. (The compiler would keep each 16-bit value of a Vec8 in a register of its own.)
template <class T>
struct PackedVec8 {
  uint4 pieces[sizeof(Vec8<T>) / sizeof(uint4)];
};

template <class T>
__device__ inline void unpack(PackedVec8<T> from, float (&to)[kVecWidth]) {
  Vec8<T> vec8;
  memcpy(&vec8, &from, sizeof(vec8));
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i) to[i] = to_float(vec8.value[i]);
}

// The values whose mask bit is set, 0 for the others.
template <class T>
__device__ inline PackedVec8<T> masked(PackedVec8<T> packed, unsigned bits) {
  Vec8<T> vec8;
  const Vec8<T> nothing{};
  memcpy(&vec8, &packed, sizeof(vec8));
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i)
    if (!(bits >> i & 1)) vec8.value[i] = nothing.value[i];
  memcpy(&packed, &vec8, sizeof(vec8));
  return packed;
}

// At the start of the block's shared memory; BatchNormOnChip's slots follow.
struct BatchNormTileSums {
  float values[kBatchNormTileThreads * kVecWidth];
  double partials[kBatchNormTileThreads];
};

// The coordinates of a thread, in two roles. For the tensors: it owns one vec8 of channels in some rows, called its
// slots. For the sums: it adds up one partial sum of one channel.
class BatchNormCoord {
 public:
  __device__ BatchNormCoord(const BatchNormShape& s, const BatchNormTile& tiling) : s_(s), tiling_(tiling) {}
  __device__ int vec8() const { return int(blockIdx.x) * tiling_.x + int(threadIdx.x); }
  // An int is enough: a tensor that fits on chip has fewer than 2^31 elements.
  __device__ int mask_at(int slot) const {
    const int row = int(blockIdx.y) * tiling_.per_part + slot * tiling_.y + int(threadIdx.y);
    return row * (s_.c / kVecWidth) + vec8();
  }
  __device__ int at(int slot) const { return mask_at(slot) * kVecWidth; }
  // The number of this thread's slots; 0 beyond the last vec8.
  __device__ int slots() const {
    const int rows = rows_of(int(blockIdx.y)) - int(threadIdx.y);
    return rows > 0 && vec8() * kVecWidth < s_.c ? (rows + tiling_.y - 1) / tiling_.y : 0;
  }
  __device__ int rows_of(int part) const { return min(tiling_.per_part, int(s_.rows) - part * tiling_.per_part); }

  // The channel that this thread sums, -1 beyond the last one.
  __device__ int channel() const {
    const int c = int(blockIdx.x) * width() + thread() % width();
    return c < s_.c ? c : -1;
  }
  // True for one thread of the grid per channel: it writes the channel's results.
  __device__ bool is_channel_leader() const { return blockIdx.y == 0 && is_block_channel_leader(); }

  // The sum of term(i) over i < count, returned in every thread of the channel. All threads of the block must call it.
  template <class Term>
  __device__ double sum(int count, Term term) const {
    const int partials = kBatchNormTileThreads / width();
    double own = 0, all = 0;
    for (int i = thread() / width(); i < count; i += partials) own += term(i);
    sums().partials[thread()] = own;
    __syncthreads();
    for (int i = 0; i < partials; ++i) all += sums().partials[i * width() + thread() % width()];
    __syncthreads();
    return all;
  }
  // The sum of one channel over the vec8s of the block's threads. All threads of the block must call it.
  __device__ double sum_of_block(const float (&vec8)[kVecWidth]) const {
    float* const own = sums().values + thread() * kVecWidth;
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) own[i] = vec8[i];
    __syncthreads();
    return sum(tiling_.y, [&](int y) { return double(sums().values[y * width() + thread() % width()]); });
  }
  // Publishes the block's two partial sums. partial: the first sums of all parts [parts, c], then the second sums.
  __device__ void write_partials(double first, double second, float* partial) const {
    if (!is_block_channel_leader()) return;
    float* const to = partial + int64_t(blockIdx.y) * s_.c + channel();
    to[0] = float(first);
    to[int64_t(tiling_.parts) * s_.c] = float(second);
  }
  // The sum of term(part) over all parts. Reads only what was written before the grid barrier.
  template <class Term>
  __device__ double sum_of_parts(Term term) const {
    return sum(channel() < 0 ? 0 : tiling_.parts, term);
  }
  // From one value per channel to every thread's vec8 of channels.
  __device__ void broadcast(float of_channel, float (&vec8)[kVecWidth]) const {
    if (thread() < width()) sums().values[thread()] = of_channel;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) vec8[i] = sums().values[int(threadIdx.x) * kVecWidth + i];
    __syncthreads();
  }

 private:
  __device__ int thread() const { return int(threadIdx.y) * tiling_.x + int(threadIdx.x); }
  __device__ int width() const { return tiling_.x * kVecWidth; }
  // True for one thread of the block per channel.
  __device__ bool is_block_channel_leader() const { return thread() < width() && channel() >= 0; }
  __device__ static BatchNormTileSums& sums() { return *reinterpret_cast<BatchNormTileSums*>(dynamic_shared()); }

  const BatchNormShape& s_;
  const BatchNormTile& tiling_;
};

// The elements of `Tensors` tensors that a thread keeps on chip: its first kKept slots in registers, the others in
// shared memory, which no other thread accesses.
template <class T, int Tensors>
class BatchNormOnChip {
 public:
  struct Slot {
    PackedVec8<T> of[Tensors];
  };

  __device__ BatchNormOnChip(const BatchNormCoord& coord) : coord_(coord), slots_(coord.slots()) {
    more_ =
        reinterpret_cast<Slot*>(dynamic_shared() + sizeof(BatchNormTileSums)) + threadIdx.y * blockDim.x + threadIdx.x;
  }

  // Starts to read one of the tensors; arrived() waits for all of them.
  __device__ void fetch(int tensor, const void* from) {
    for (int slot = kKept; slot < slots_; ++slot) {
      const PackedVec8<T>* const source = packed_at(from, slot);
      for (int i = 0; i < int(sizeof(PackedVec8<T>) / sizeof(uint4)); ++i)
        __pipeline_memcpy_async(&more(slot).of[tensor].pieces[i], &source->pieces[i], sizeof(uint4));
    }
    __pipeline_commit();
#pragma unroll
    for (int slot = 0; slot < kKept; ++slot)
      if (slot < slots_) kept_[slot].of[tensor] = *packed_at(from, slot);
  }
  __device__ void arrived() const { __pipeline_wait_prior(0); }

  // Calls f(slot, its elements) for every slot.
  template <class F>
  __device__ void each(F f) {
    each([](int) { return 0; }, [&](int slot, Slot& kept, int) { f(slot, kept); });
  }
  // Calls use(slot, its elements, load(slot)) for every slot; kAtOnce loads are in flight at once.
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

  __device__ const PackedVec8<T>* packed_at(const void* tensor, int slot) const {
    return reinterpret_cast<const PackedVec8<T>*>(static_cast<const T*>(tensor) + coord_.at(slot));
  }

 private:
  static constexpr int kKept = batch_norm_slots_in_registers(sizeof(T), Tensors), kAtOnce = 3;
  static_assert(kKept % kAtOnce == 0);
  __device__ Slot& more(int slot) const { return more_[(slot - kKept) * kBatchNormTileThreads]; }

  const BatchNormCoord& coord_;
  int slots_;
  Slot kept_[kKept];
  Slot* more_;
};

}  // namespace pc
