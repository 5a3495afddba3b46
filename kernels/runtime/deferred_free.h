// DeferredFree: memory that two streams use at once must not change hands before they have met again.
#pragma once

#include <vector>

#include "kernels/runtime/memory.h"

namespace pc::memory {

// While one lives, what its thread frees on the device is kept aside: no new Buffer gets it, neither from the cache nor
// from an arena. Both hand blocks on in the order of one stream, so with two of them they would give away what the
// other still works on.
class DeferredFree {
 public:
  explicit DeferredFree(Device device);
  ~DeferredFree();
  DeferredFree(const DeferredFree&) = delete;
  DeferredFree& operator=(const DeferredFree&) = delete;

  // Null: none lives.
  static DeferredFree* current(Device device);
  void keep(Buffer&& freed) { kept_.push_back(std::move(freed)); }

 private:
  Device device_;
  DeferredFree* before_;
  std::vector<Buffer> kept_;
};

}  // namespace pc::memory
