// Hold: memory that two streams use at once must not change hands before they have met again.
#pragma once

#include "kernels/runtime/dtype.h"

namespace pc::memory {

// While one lives, what is freed on the device is set aside: no new Buffer gets it. The allocator hands blocks on in
// the order of one stream, so with two of them it would give away what the other still works on.
class Hold {
 public:
  explicit Hold(Device device);
  ~Hold();
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Device device_;
};

}  // namespace pc::memory
