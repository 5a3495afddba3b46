// Readback: device memory as it was a while ago, for a host that does not want to wait for the device: what UploadRing is
// the other way round.
#pragma once

#include <cstddef>

#include "kernels/runtime/event.h"
#include "kernels/runtime/pinned.h"

namespace pc {

class Readback {
 public:
  Readback(Device device, std::size_t bytes) : device_(device), block_(device, bytes), event_(device) {}

  // To byte `at` of the block comes what `source` holds once the device has done all that it was told so far.
  void ask(std::size_t at, const void* source, std::size_t bytes);
  // The block, with all that was asked for.
  const std::byte* wait() const;

 private:
  Device device_;
  Pinned block_;
  Event event_;
};

}  // namespace pc
