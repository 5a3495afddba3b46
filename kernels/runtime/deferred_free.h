// DeferredFree: memory freed while two streams run must not be reused until both streams have joined.
#pragma once

#include <vector>

#include "kernels/runtime/memory.h"

namespace pc::memory {

// While one exists, Buffers that its thread frees on the device are kept here: no new Buffer gets their memory, neither
// from the cache nor from an arena. Both reuse blocks in the order of one stream; with two streams, a block could be
// reused while the other stream still works on it.
class DeferredFree {
 public:
  explicit DeferredFree(Device device);
  ~DeferredFree();
  DeferredFree(const DeferredFree&) = delete;
  DeferredFree& operator=(const DeferredFree&) = delete;

  // The innermost one of this thread; null: none exists.
  static DeferredFree* current(Device device);
  void keep(Buffer&& freed) { kept_.push_back(std::move(freed)); }

 private:
  Device device_;
  DeferredFree* before_;
  std::vector<Buffer> kept_;
};

}  // namespace pc::memory
