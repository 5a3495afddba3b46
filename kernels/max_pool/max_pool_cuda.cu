// Max pooling on CUDA. A block row (threadIdx.y) takes one position of the map; its threads loop over the vec8s of
// channels. Backward gathers: each position of dx reads the windows that cover it, so that there are no atomic
// additions.
#include "kernels/max_pool/max_pool_positions.cuh"

namespace pc {
namespace {

template <bool Aligned>
__device__ inline void store_index(uint8_t* to, int count, const int (&from)[kVecWidth]) {
  if (Aligned && count >= kVecWidth) {
    uint64_t packed = 0;
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) packed |= uint64_t(from[i]) << (8 * i);
    *reinterpret_cast<uint64_t*>(to) = packed;
  } else {
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i)
      if (i < count) to[i] = uint8_t(from[i]);
  }
}

template <bool Aligned>
__device__ inline void load_index(const uint8_t* from, int count, int (&to)[kVecWidth]) {
  if (Aligned && count >= kVecWidth) {
    const uint64_t packed = *reinterpret_cast<const uint64_t*>(from);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) to[i] = int(packed >> (8 * i) & 0xff);
  } else {
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) to[i] = i < count ? from[i] : 0xff;
  }
}

template <class T, bool Aligned>
__global__ void forward_kernel(MaxPoolShape s, uint32_t positions, const T* x, T* y, uint8_t* index) {
  for (uint32_t i = blockIdx.x * blockDim.y + threadIdx.y; i < positions; i += gridDim.x * blockDim.y) {
    const PoolCoord at = pool_coord(i, uint32_t(s.p()), uint32_t(s.q()));
    const PoolWindow window = pool_window(s, int(at.row), int(at.column));
    for (int c = int(threadIdx.x) * kVecWidth; c < s.c; c += int(blockDim.x) * kVecWidth) {
      const int count = min(kVecWidth, s.c - c);
      float best[kVecWidth], v[kVecWidth];
      int where[kVecWidth];
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) best[k] = -INFINITY, where[k] = window.r0 * s.kernel_size + window.q0;
      for (int r = window.r0; r < window.r1; ++r)
        for (int q = window.q0; q < window.q1; ++q) {
          load_vec8<Aligned>(x + ((int64_t(at.n) * s.h + window.h + r) * s.w + window.w + q) * s.c + c, count, v);
#pragma unroll
          for (int k = 0; k < kVecWidth; ++k)
            if (v[k] > best[k] || isnan(v[k])) best[k] = v[k], where[k] = r * s.kernel_size + q;
        }
      store_vec8<Aligned>(y + int64_t(i) * s.c + c, count, best);
      if (index) store_index<Aligned>(index + int64_t(i) * s.c + c, count, where);
    }
  }
}

template <class T, bool Aligned>
__global__ void backward_kernel(MaxPoolShape s, uint32_t positions, const T* dy, const uint8_t* index, T* dx) {
  for (uint32_t i = blockIdx.x * blockDim.y + threadIdx.y; i < positions; i += gridDim.x * blockDim.y) {
    const PoolCoord at = pool_coord(i, uint32_t(s.h), uint32_t(s.w));
    const int h = int(at.row) + s.pad, w = int(at.column) + s.pad;  // in the padded map
    const PoolCover cover = pool_cover(s, int(at.row), int(at.column));
    for (int c = int(threadIdx.x) * kVecWidth; c < s.c; c += int(blockDim.x) * kVecWidth) {
      const int count = min(kVecWidth, s.c - c);
      float sum[kVecWidth] = {}, g[kVecWidth];
      int where[kVecWidth];
      for (int p = cover.p0; p <= cover.p1; ++p)
        for (int q = cover.q0; q <= cover.q1; ++q) {
          const int64_t from = ((int64_t(at.n) * s.p() + p) * s.q() + q) * s.c + c;
          const int here = (h - p * s.stride) * s.kernel_size + w - q * s.stride;
          load_vec8<Aligned>(dy + from, count, g);
          load_index<Aligned>(index + from, count, where);
#pragma unroll
          for (int k = 0; k < kVecWidth; ++k) sum[k] += where[k] == here ? g[k] : 0.0f;
        }
      store_vec8<Aligned>(dx + int64_t(i) * s.c + c, count, sum);
    }
  }
}

// 256 threads: as many along the channels as there are vec8s (at most 32), the rest along the positions.
dim3 block_of(int c) {
  unsigned x = 1;
  while (x < 32 && x * kVecWidth < unsigned(c)) x *= 2;
  return {x, 256 / x};
}

bool can_align(const MaxPoolShape& s, const void* a, const void* b, const uint8_t* index) {
  return s.c % kVecWidth == 0 && aligned16({a, b, index});
}

void forward(const MaxPoolShape& s, DType dtype, const void* x, void* y, uint8_t* index) {
  const uint32_t positions = pool_positions("max_pool", s.n, s.p(), s.q());
  const dim3 block = block_of(s.c);
  with_float_type("max_pool", dtype, [&](auto element) {
    with_flag(can_align(s, x, y, index), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_for(positions, int(block.y)), block, forward_kernel<T, aligned.value>, s, positions,
             static_cast<const T*>(x), static_cast<T*>(y), index);
    });
  });
}

void backward(const MaxPoolShape& s, DType dtype, const void* dy, const uint8_t* index, void* dx) {
  const uint32_t positions = pool_positions("max_pool", s.n, s.h, s.w);
  const dim3 block = block_of(s.c);
  with_float_type("max_pool", dtype, [&](auto element) {
    with_flag(can_align(s, dy, dx, index), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_for(positions, int(block.y)), block, backward_kernel<T, aligned.value>, s, positions,
             static_cast<const T*>(dy), index, static_cast<T*>(dx));
    });
  });
}

}  // namespace

const MaxPoolKernels max_pool_cuda{.forward = forward, .backward = backward};

}  // namespace pc
