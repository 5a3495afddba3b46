// GPU memory for the caching allocator; every operation is ordered on the engine's stream.
#include <string>

#include "kernels/base/error.h"
#include "kernels/runtime/cuda.h"
#include "kernels/runtime/graph.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

void* allocate(std::size_t bytes) {
  void* block = nullptr;
  cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    memory::trim(Device::cuda);  // releasing cached blocks of other sizes may free enough
    cudaGetLastError();
    status = cudaMalloc(&block, bytes);
  }
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // clears the error, which the next launch would report
    fail(Exit::limit, "out of GPU memory: wanted " + std::to_string(bytes >> 20) + " MiB more; use a smaller batch");
  }
  detail::check(status, {"cudaMalloc(&block, bytes)", __FILE__, __LINE__});
  return block;
}

void* allocate_host(std::size_t bytes) {
  void* block = nullptr;
  PC_CUDA_CHECK(cudaMallocHost(&block, bytes));
  return block;
}

void zero(void* dst, std::size_t bytes) {
  if (bytes > 0) PC_CUDA_CHECK(cudaMemsetAsync(dst, 0, bytes, stream()));
}

void copy(void* dst, const void* src, std::size_t bytes) {
  if (bytes > 0) PC_CUDA_CHECK(cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, stream()));
}

// CUDA accepts a host pointer in a recording and reads it at every launch, when the memory behind it is long freed.
void refuse_while_recording(const char* what) {
  if (recording_cuda())
    fail_shape(std::string(what) + " host memory while a step is recorded: do it before, on the device");
}

// CUDA has staged pageable host memory when this returns; pinned memory must stay unchanged until synchronize().
void copy_in(void* dst, const void* host, std::size_t bytes) {
  refuse_while_recording("copy from");
  if (bytes > 0) PC_CUDA_CHECK(cudaMemcpyAsync(dst, host, bytes, cudaMemcpyHostToDevice, stream()));
}

void synchronize() { PC_CUDA_CHECK(cudaStreamSynchronize(stream())); }

void copy_out_later(void* host, const void* src, std::size_t bytes) {
  refuse_while_recording("copy to");
  if (bytes > 0) PC_CUDA_CHECK(cudaMemcpyAsync(host, src, bytes, cudaMemcpyDeviceToHost, stream()));
}

void copy_out(void* host, const void* src, std::size_t bytes) {
  copy_out_later(host, src, bytes);
  if (bytes > 0) synchronize();
}

void* make_event(bool timed) {
  cudaEvent_t event = nullptr;
  PC_CUDA_CHECK(cudaEventCreateWithFlags(&event, timed ? cudaEventDefault : cudaEventDisableTiming));
  return event;
}

cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

float event_milliseconds(void* start, void* end) {
  float milliseconds = 0;
  PC_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, event_of(start), event_of(end)));
  return milliseconds;
}

}  // namespace

const DeviceMemory memory_cuda{
    .allocate = allocate,
    .release = [](void* block) noexcept { cudaFree(block); },
    .allocate_host = allocate_host,
    .release_host = [](void* block) noexcept { cudaFreeHost(block); },
    .zero = zero,
    .copy = copy,
    .copy_in = copy_in,
    .copy_out = copy_out,
    .synchronize = synchronize,
    .copy_out_later = copy_out_later,
    .make_event = make_event,
    .release_event = [](void* event) noexcept { cudaEventDestroy(event_of(event)); },
    .record_event = [](void* event) { PC_CUDA_CHECK(cudaEventRecord(event_of(event), stream())); },
    .await_event = [](void* event) { PC_CUDA_CHECK(cudaEventSynchronize(event_of(event))); },
    .event_milliseconds = event_milliseconds,
};

}  // namespace pc
