// Pinned: page-locked host memory, which a device reads and writes while the host does other work.
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

}  // namespace pc
