#include "kernels/runtime/deferred_free.h"

#include <utility>

namespace pc::memory {
namespace {

DeferredFree*& current_of(Device device) {
  thread_local DeferredFree* current[2] = {};
  return current[int(device)];
}

}  // namespace

DeferredFree::DeferredFree(Device device) : device_(device), before_(std::exchange(current_of(device), this)) {}

// The members are destroyed after this body: kept Buffers go to the outer DeferredFree if there is one.
DeferredFree::~DeferredFree() { current_of(device_) = before_; }

DeferredFree* DeferredFree::current(Device device) { return current_of(device); }

}  // namespace pc::memory
