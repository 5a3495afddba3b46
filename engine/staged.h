// Staged: a block of bytes that the host writes anew for every step and the device reads at one address.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/tensor.h"

namespace pc {

class Staged {
 public:
  Staged(Device device, std::size_t bytes);

  // Where the host writes next.
  std::byte* host() { return slots_.empty() ? on_device_.as<std::byte>() : slots_[next_].get(); }
  // Sends it to the device, in the order of its calls. Waits for the device once in a while, when a slot that it may
  // still read is due.
  void upload();
  const Tensor& on_device() const { return on_device_; }  // u8 [bytes]

 private:
  struct Release {
    Device device;
    void operator()(std::byte* block) const;
  };
  Tensor on_device_;
  std::vector<std::unique_ptr<std::byte, Release>> slots_;  // none on the CPU
  std::size_t next_ = 0;
};

}  // namespace pc
