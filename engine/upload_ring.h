// UploadRing: a block of bytes, rewritten by the host each step, that the device reads at one address.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/tensor.h"
#include "kernels/runtime/event.h"
#include "kernels/runtime/pinned.h"

namespace pc {

class UploadRing {
 public:
  UploadRing(Device device, std::size_t bytes);

  // Where the host writes next.
  std::byte* host() { return slots_.empty() ? on_device_.as<std::byte>() : slots_[next_].data(); }
  // Enqueues its copy to the device. Waits if 16 or more blocks are still to be copied.
  void upload();
  const Tensor& on_device() const { return on_device_; }  // u8 [bytes]

 private:
  Tensor on_device_;
  std::vector<Pinned> slots_;  // none on the CPU
  std::vector<Event> halves_;  // recorded after the last upload from each half of the slots
  std::size_t next_ = 0;
};

}  // namespace pc
