// Pinned: host memory that a device reads and writes by itself, and Event: a point in the order of what the device was
// told, for a host that waits for no more than that.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/runtime/dtype.h"

namespace pc {

class Pinned {
 public:
  Pinned(Device device, std::size_t bytes);
  std::byte* data() const { return block_.get(); }

 private:
  struct Release {
    Device device;
    void operator()(std::byte* block) const;
  };
  std::unique_ptr<std::byte, Release> block_;
};

class Event {
 public:
  explicit Event(Device device);
  void set();         // behind all that the device was told so far
  void wait() const;  // until the device is past it; at once where it was never set

 private:
  struct Release {
    Device device;
    void operator()(void* mark) const;
  };
  std::unique_ptr<void, Release> event_;
};

}  // namespace pc
