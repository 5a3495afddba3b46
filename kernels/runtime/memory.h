// Device memory: a caching allocator, copies, and a debug mode with poison and guard bytes for tests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/runtime/arena.h"
#include "kernels/runtime/dtype.h"

namespace pc {

// The memory operations of a device: memory_cpu and memory_cuda. CUDA calls are ordered on the engine's stream.
struct DeviceMemory {
  void* (*allocate)(std::size_t bytes);  // 64-byte aligned (CUDA: 256); throws Error(limit) with the size requested
  void (*release)(void*) noexcept;
  void* (*allocate_host)(std::size_t bytes);  // host memory that the device can access (CUDA: pinned)
  void (*release_host)(void*) noexcept;
  void (*zero)(void* dst, std::size_t bytes);
  void (*copy)(void* dst, const void* src, std::size_t bytes);       // within the device
  void (*copy_in)(void* dst, const void* host, std::size_t bytes);   // host -> device
  void (*copy_out)(void* host, const void* src, std::size_t bytes);  // device -> host, complete on return
  void (*synchronize)();

  // device -> pinned host memory (pinned.h), complete once the device has reached an event recorded after it (event.h)
  void (*copy_out_later)(void* pinned, const void* src, std::size_t bytes);
  void* (*make_event)(bool timed);
  void (*release_event)(void*) noexcept;
  void (*record_event)(void*);
  void (*await_event)(void*);
  float (*event_milliseconds)(void* start, void* end);
};
extern const DeviceMemory memory_cpu, memory_cuda;

// Uninitialized memory on one device; destruction returns it to the cache, or to the arena it came from. Empty when
// default-constructed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Device device, std::size_t bytes);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  void* data() const { return data_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  void free() noexcept;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  Device device_ = Device::cpu;
  std::shared_ptr<ArenaBlocks> arena_;
};

namespace memory {

struct Stats {
  std::size_t in_use = 0, cached = 0, peak = 0;  // bytes, without arenas; peak is the highest in_use + cached
};
Stats stats(Device device);
void trim(Device device);  // releases cached memory

// Debug mode: new memory is filled with NaN patterns, and 64 guard bytes on either side are checked on release; if one
// was overwritten, a message names the block and the process aborts. Set it before the first allocation.
void set_debug(bool on);

void zero(Device device, void* dst, std::size_t bytes);
void copy(Device to, void* dst, Device from, const void* src, std::size_t bytes);
void synchronize(Device device);

}  // namespace memory
}  // namespace pc
