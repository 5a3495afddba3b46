// Stands in for CUDA's runtime header where g++ compiles the kernels for the host: see tests/simt/simt.h.
#pragma once

#include <math.h>

#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "library_types.h"
#include "tests/simt/simt.h"

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __launch_bounds__(...)
// Shared memory is memory of the thread that runs a block: one range, poisoned before each block. (Within a function a
// thread_local variable is static unless it is extern, as dynamic shared memory is.)
#define __shared__ thread_local

// By value, as on the device.
template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

struct uint3 {
  unsigned x, y, z;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned of_x = 1, unsigned of_y = 1, unsigned of_z = 1) : x(of_x), y(of_y), z(of_z) {}
};
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

using cudaStream_t = struct CUstream_st*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaLaunchAttributeID { cudaLaunchAttributeCooperative = 2 };
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  struct {
    int cooperative;
  } val;
};
namespace pc::simt {
void note_work(cudaStream_t stream);
}
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
};

// The device answers for simt.h's constants.
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrL2CacheSize = 38,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
cudaError_t pc_set_most_shared(const void* kernel, int bytes);
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, cudaFuncAttribute, int value) {
  return pc_set_most_shared(reinterpret_cast<const void*>(kernel), value);
}

cudaError_t cudaMalloc(void** block, std::size_t bytes);
cudaError_t cudaFree(void* block);
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMallocHost(void** block, std::size_t bytes);
cudaError_t cudaFreeHost(void* block);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaGetLastError();

using cudaGraph_t = struct CUgraph_st*;
using cudaGraphExec_t = struct CUgraphExec_st*;
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* recording, cudaGraph_t graph, unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t recording, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t recording);

// Streams only log (tests/simt/streams.h); events read a simulated clock, which the engines of the simulated cuDNN
// advance.
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDefault = 0, cudaEventDisableTiming = 2;
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
using cudaEvent_t = struct CUevent_st*;
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end);

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  struct Packed {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> values;
  };
  const Packed packed{kernel, {static_cast<Parameters>(arguments)...}};
  const auto index = [](dim3 d) { return pc::simt::Index{d.x, d.y, d.z}; };
  bool cooperative = false;
  for (unsigned i = 0; i < config->numAttrs; ++i) cooperative = cooperative || config->attrs[i].val.cooperative;
  pc::simt::note_work(config->stream);
  pc::simt::launch({.grid = index(config->gridDim),
                    .block = index(config->blockDim),
                    .kernel = reinterpret_cast<const void*>(kernel),
                    .call =
                        [](const void* p) {
                          std::apply(static_cast<const Packed*>(p)->kernel, static_cast<const Packed*>(p)->values);
                        },
                    .packed = &packed,
                    .packed_bytes = sizeof(packed),
                    .parameter_bytes = (sizeof(Parameters) + ... + 0),
                    .dynamic_shared = config->dynamicSmemBytes,
                    .cooperative = cooperative});
  return cudaSuccess;
}

using pc_place = std::source_location;

inline void __syncthreads(pc_place where = pc_place::current()) { pc::simt::block_barrier(where); }
inline void __syncwarp(unsigned mask = 0xffffffffu, pc_place where = pc_place::current()) {
  pc::simt::warp_barrier(mask, where);
}

template <class T>
T pc_shuffle(unsigned mask, T value, pc::simt::Lane how, int of, int width, pc_place where) {
  static_assert(sizeof(T) <= sizeof(uint64_t) && std::is_arithmetic_v<T>);
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = pc::simt::shuffle(mask, bits, how, of, width, where);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, pc_place where = pc_place::current()) {
  return pc_shuffle(mask, value, pc::simt::Lane::index, lane, width, where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, int delta, int width = 32, pc_place where = pc_place::current()) {
  return pc_shuffle(mask, value, pc::simt::Lane::up, delta, width, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int delta, int width = 32, pc_place where = pc_place::current()) {
  return pc_shuffle(mask, value, pc::simt::Lane::down, delta, width, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, pc_place where = pc_place::current()) {
  return pc_shuffle(mask, value, pc::simt::Lane::exclusive_or, lanes, width, where);
}
inline unsigned __ballot_sync(unsigned mask, int vote, pc_place where = pc_place::current()) {
  return pc::simt::ballot(mask, vote != 0, where);
}
inline int __any_sync(unsigned mask, int vote, pc_place where = pc_place::current()) {
  return pc::simt::ballot(mask, vote != 0, where) != 0;
}
inline int __all_sync(unsigned mask, int vote, pc_place where = pc_place::current()) {
  return pc::simt::ballot(mask, vote != 0, where) == mask;
}

template <class T>
T __ldg(const T* from) {
  return *from;
}
