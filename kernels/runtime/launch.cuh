// What hand-written CUDA kernels share: vec8s of channels, sums in a fixed order, and launches that are checked.
//
// An vec8 is eight neighbouring values: 16 bytes of bf16 or f16, twice 16 of f32, one byte of a ReLU mask. Every
// kernel reads and writes vec8s; the last one of a row may be short, and memory that is not 16-byte aligned is taken
// one by one.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/math.h"
#include "kernels/runtime/cuda.h"

namespace pc {

constexpr int kVecWidth = 8;

__device__ inline float to_float(float v) { return v; }
__device__ inline float to_float(__nv_bfloat16 v) { return __bfloat162float(v); }
__device__ inline float to_float(__half v) { return __half2float(v); }

template <class T>
__device__ inline T from_float(float v) {
  if constexpr (std::is_same_v<T, __nv_bfloat16>) return __float2bfloat16_rn(v);
  if constexpr (std::is_same_v<T, __half>) return __float2half_rn(v);
  if constexpr (std::is_same_v<T, float>) return v;
}

template <class T>
struct alignas(16) Vec8 {
  T value[kVecWidth];
};

// Values beyond `count` read as 0. Aligned: the vec8 lies at a multiple of 16 bytes, so a whole one goes in one or two
// accesses.
template <bool Aligned, class T>
__device__ inline void load_vec8(const T* from, int count, float (&to)[kVecWidth]) {
  if (Aligned && count >= kVecWidth) {
    const Vec8<T> vec8 = *reinterpret_cast<const Vec8<T>*>(from);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) to[i] = to_float(vec8.value[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) to[i] = i < count ? to_float(from[i]) : 0.0f;
  }
}

template <bool Aligned, class T>
__device__ inline void store_vec8(T* to, int count, const float (&from)[kVecWidth]) {
  if (Aligned && count >= kVecWidth) {
    Vec8<T> vec8;
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) vec8.value[i] = from_float<T>(from[i]);
    *reinterpret_cast<Vec8<T>*>(to) = vec8;
  } else {
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i)
      if (i < count) to[i] = from_float<T>(from[i]);
  }
}

// The value that the next kernel reads back from memory.
template <class T>
__device__ inline float rounded(float v) {
  return to_float(from_float<T>(v));
}

// The sum over the lanes of a warp, in every lane. All 32 lanes must call it.
template <class T>
__device__ inline T warp_sum(T v) {
  for (int lane = 16; lane > 0; lane /= 2) v += __shfl_xor_sync(0xffffffffu, v, lane);
  return v;
}

// The sum over a block of whole warps, in thread 0 (others get parts of it). `scratch` holds 32 values and may be used
// again only after a barrier.
template <class T>
__device__ inline T block_sum(T v, T* scratch) {
  const int warps = int(blockDim.x) / 32, lane = int(threadIdx.x) % 32;
  v = warp_sum(v);
  if (lane == 0) scratch[threadIdx.x / 32] = v;
  __syncthreads();
  return warp_sum(lane < warps ? scratch[lane] : T(0));
}

// The shared memory of which the launch says the size; begins at a multiple of 16 bytes.
__device__ inline unsigned char* dynamic_shared() {
  alignas(16) extern __shared__ unsigned char dynamic_shared_memory[];
  return dynamic_shared_memory;
}

inline bool aligned16(std::initializer_list<const void*> pointers) {
  for (const void* p : pointers)
    if (reinterpret_cast<uintptr_t>(p) % 16 != 0) return false;
  return true;
}

// Runs the kernel on stream(); nothing where the grid is empty. (A plain function call in place of <<<>>>, so that a
// host can stand in for the GPU: tests/simt.)
template <class... Parameters, class... Arguments>
void launch(dim3 grid, dim3 block, void (*kernel)(Parameters...), Arguments&&... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = stream();
  PC_CHECK(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
}

// The same with all blocks on the GPU at once, so that they may wait for each other (cooperative_groups' grid barrier),
// and with bytes of dynamic_shared() for each. Throws Error(usage) where the GPU does not hold them all.
template <class... Parameters, class... Arguments>
void launch_cooperative(dim3 grid, dim3 block, std::size_t shared_bytes, void (*kernel)(Parameters...),
                        Arguments&&... arguments) {
  PC_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared_bytes)));
  cudaLaunchAttribute cooperative{};
  cooperative.id = cudaLaunchAttributeCooperative;
  cooperative.val.cooperative = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream();
  config.attrs = &cooperative;
  config.numAttrs = 1;
  PC_CHECK(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...));
}

// Blocks for n threads' worth of work in a kernel whose threads step through it (a grid-stride loop).
inline unsigned grid_for(int64_t n, int threads) {
  const int64_t blocks = ceil_div(n, threads);
  return unsigned(blocks < 16384 ? blocks : 16384);
}

// Calls f with a value of the C++ type of a float dtype.
template <class F>
void with_float_type(const char* op, DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float());
    case DType::bf16:
      return f(__nv_bfloat16());
    case DType::f16:
      return f(__half());
    default:
      fail_shape(std::string(op) + ": no kernel for elements of " + name_of(dtype));
  }
}

// Calls f with std::true_type or std::false_type.
template <class F>
void with_flag(bool flag, F&& f) {
  flag ? f(std::true_type()) : f(std::false_type());
}

}  // namespace pc
