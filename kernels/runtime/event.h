// Event: a point in the order of the device's work. The host can wait for it, and measure the time between two of them.
#pragma once

#include <memory>

#include "kernels/runtime/dtype.h"

namespace pc {

class Event {
 public:
  // timed: milliseconds_since() may be called.
  explicit Event(Device device, bool timed = false);
  void record();      // after all work enqueued so far
  void wait() const;  // until the device has reached it; returns at once if it was never recorded
  // The device's time between two timed events, both recorded; waits for this one. CPU: 0, calls return when they are
  // done.
  float milliseconds_since(const Event& start) const;

 private:
  struct Release {
    Device device;
    void operator()(void* event) const;
  };
  std::unique_ptr<void, Release> event_;
};

}  // namespace pc
