// What the kernels of batch_norm_persistent_cuda.cu are made of: what a thread keeps on chip, and how the threads of a
// block add up.
#pragma once

#include <cuda_pipeline.h>

#include <cstring>

#include "kernels/batch_norm/batch_norm_persistent.h"
#include "kernels/runtime/launch.cuh"

namespace pc {

// An vec8 as it lies in memory. (The compiler would give each 16-bit value of an Vec8 a register of its own.)
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

// With 0 where the mask has no bit.
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

// At the begin of the block's shared memory; the tile follows.
struct BatchNormTileSums {
  float values[kBatchNormTileThreads * kVecWidth];
  double partials[kBatchNormTileThreads];
};

// What a thread is for. To the tensors it is the owner of an vec8 of channels in some rows, its slots; to the sums it
// is one of the stripes that add up a channel.
class BatchNormCoord {
 public:
  __device__ BatchNormCoord(const BatchNormShape& s, const BatchNormTile& tiling) : s_(s), tiling_(tiling) {}
  __device__ int vec8() const { return int(blockIdx.x) * tiling_.x + int(threadIdx.x); }
  // What fits on a chip has fewer than 2^31 elements.
  __device__ int mask_at(int slot) const {
    const int row = int(blockIdx.y) * tiling_.per_part + slot * tiling_.y + int(threadIdx.y);
    return row * (s_.c / kVecWidth) + vec8();
  }
  __device__ int at(int slot) const { return mask_at(slot) * kVecWidth; }
  // Of this thread; 0 beyond the last vec8.
  __device__ int slots() const {
    const int rows = rows_of(int(blockIdx.y)) - int(threadIdx.y);
    return rows > 0 && vec8() * kVecWidth < s_.c ? (rows + tiling_.y - 1) / tiling_.y : 0;
  }
  __device__ int rows_of(int part) const { return min(tiling_.per_part, int(s_.rows) - part * tiling_.per_part); }

  // The channel to sum up, -1 beyond the last one.
  __device__ int channel() const {
    const int c = int(blockIdx.x) * width() + thread() % width();
    return c < s_.c ? c : -1;
  }
  // One thread of the grid is_block_channel_leader for its channel.
  __device__ bool is_channel_leader() const { return blockIdx.y == 0 && is_block_channel_leader(); }

  // The sum of term(i), i < count, in every thread of the channel. All threads of the block must call it.
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
  // The same of the vec8s of the block's threads.
  __device__ double sum_of_block(const float (&vec8)[kVecWidth]) const {
    float* const own = sums().values + thread() * kVecWidth;
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) own[i] = vec8[i];
    __syncthreads();
    return sum(tiling_.y, [&](int y) { return double(sums().values[y * width() + thread() % width()]); });
  }
  // Hands two sums of the block to all blocks. partial: the first of each part [parts, c], then the second.
  __device__ void write_partials(double first, double second, float* partial) const {
    if (!is_block_channel_leader()) return;
    float* const to = partial + int64_t(blockIdx.y) * s_.c + channel();
    to[0] = float(first);
    to[int64_t(tiling_.parts) * s_.c] = float(second);
  }
  // Of all parts' terms. Reads only what was written before the grid's barrier.
  template <class Term>
  __device__ double sum_of_parts(Term term) const {
    return sum(channel() < 0 ? 0 : tiling_.parts, term);
  }
  // Gives every thread its vec8 of what is known by channel.
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
  // One thread of the block for each channel.
  __device__ bool is_block_channel_leader() const { return thread() < width() && channel() >= 0; }
  __device__ static BatchNormTileSums& sums() { return *reinterpret_cast<BatchNormTileSums*>(dynamic_shared()); }

  const BatchNormShape& s_;
  const BatchNormTile& tiling_;
};

// What a thread keeps of each of some tensors: its first slots in registers, the others in shared memory, where no
// other thread looks at them.
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

  // Begins to read one of the tensors; arrived() waits for all.
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
