// Replay: device work that is recorded once and from then on repeated with one call, as a CUDA graph.
#pragma once

#include <functional>

#include "kernels/runtime/arena.h"

namespace pc {

class Replay {
 public:
  // If the device cannot record, or `on` is false, run() executes the work every time.
  Replay(Device device, bool on);
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Executes `work`. The first calls run it, so that everything that is created once exists; one more call runs it with
  // memory from an arena; the next call records it; later calls replay the recording. `work` must enqueue the same
  // device calls every time: data that changes between calls must be in device memory, written outside of `work`. It
  // must not wait for the device. Its effects on the host happen only in the calls that run it. It must free the
  // tensors that it keeps from the previous call before it creates new ones; otherwise it would allocate memory while
  // it is recorded.
  void run(const std::function<void()>& work);
  bool recorded() const { return recording_ != nullptr; }
  // For work that has changed: the next run() is a first call again.
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
