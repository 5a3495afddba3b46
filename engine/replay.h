// Replay: work for a device that is recorded once and from then on repeated with one call, as a CUDA graph.
#pragma once

#include <functional>

#include "kernels/runtime/arena.h"

namespace pc {

class Replay {
 public:
  // A device that cannot record, or recording switched off: run() does the work itself every time.
  Replay(Device device, bool on);
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Does `work`. The first calls run it, so that everything that is made once is made; one more runs it in memory that
  // stays its own; the next records it. `work` must tell the device the same every time: what changes between calls
  // lies in device memory, written outside of it. It must not wait for the device. What it leaves on the host happens
  // in the first calls only, and what it still holds from the call before it must free before it makes anything: else
  // it asks for memory while it is recorded.
  void run(const std::function<void()>& work);
  bool recorded() const { return recording_ != nullptr; }
  // The work has changed: run() begins with its first call again.
  void forget();

 private:
  void record(const std::function<void()>& work);
  Device device_;
  bool on_;
  int calls_ = 0;
  Arena arena_;
  void* recording_ = nullptr;
};

}  // namespace pc
