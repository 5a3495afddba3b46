#include "kernels/runtime/hold.h"

#include <utility>

namespace pc::memory {
namespace {

Hold*& current_of(Device device) {
  thread_local Hold* current[2] = {};
  return current[int(device)];
}

}  // namespace

Hold::Hold(Device device) : device_(device), before_(std::exchange(current_of(device), this)) {}

// What was kept is freed after this: to the outer Hold, where there is one.
Hold::~Hold() { current_of(device_) = before_; }

Hold* Hold::current(Device device) { return current_of(device); }

}  // namespace pc::memory
