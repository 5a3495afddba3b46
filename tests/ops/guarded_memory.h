// Memory that ends where a page begins which nobody may touch: a kernel that reads or writes beyond its array crashes.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "kernels/runtime/memory.h"

namespace pc::test {

class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : size_((bytes + kFront + kPage - 1) / kPage * kPage + kPage) {
    void* map = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) throw std::bad_alloc();
    map_ = static_cast<uint8_t*>(map);
    std::memset(map_, kPoison, size_ - kPage);  // what a kernel leaves out is NaN
    ::mprotect(map_ + size_ - kPage, kPage, PROT_NONE);
    data_ = map_ + size_ - kPage - bytes;
  }
  ~Guarded() {
    EXPECT_TRUE(std::all_of(data_ - kFront, data_, [](uint8_t b) { return b == kPoison; }))
        << "written before the array";
    ::munmap(map_, size_);
  }
  Guarded(const Guarded&) = delete;
  uint8_t* data() const { return data_; }

 private:
  static constexpr std::size_t kPage = 4096, kFront = 64;
  static constexpr uint8_t kPoison = 0xff;
  std::size_t size_;
  uint8_t *map_, *data_;
};

// So many bytes on a device, guarded on the CPU.
class DeviceMemory {
 public:
  DeviceMemory(Device device, std::size_t bytes) : device_(device), bytes_(bytes) {
    if (device == Device::cpu)
      guarded_ = std::make_unique<Guarded>(bytes);
    else
      buffer_ = Buffer(device, bytes);
  }
  void* data() const { return guarded_ ? guarded_->data() : buffer_.data(); }
  Device device() const { return device_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Device device_;
  std::size_t bytes_;
  std::unique_ptr<Guarded> guarded_;
  Buffer buffer_;
};

}  // namespace pc::test
