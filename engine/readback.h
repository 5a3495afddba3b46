// Readback: asynchronous device-to-host copy. UploadRing is the opposite direction.
#pragma once

#include <cstddef>

#include "kernels/runtime/event.h"
#include "kernels/runtime/pinned.h"

namespace pc {

class Readback {
 public:
  Readback(Device device, std::size_t bytes) : device_(device), block_(device, bytes), event_(device) {}

  // Enqueues a copy of `source` to byte `at` of the block, after all device work enqueued so far.
  void ask(std::size_t at, const void* source, std::size_t bytes);
  // Waits for the copies and returns the block.
  const std::byte* wait() const;

 private:
  Device device_;
  Pinned block_;
  Event event_;
};

}  // namespace pc
