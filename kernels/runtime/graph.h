// graph: what a device was told to do, recorded once and then repeated with one call.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct DeviceGraph {
  bool records;  // the CPU does not: the rest is null there
  // What this thread tells the device from now on is recorded in place of being done. Nothing may wait for the device
  // or ask it for memory (kernels/runtime/arena.h), or read host memory that will have changed.
  void (*begin)();
  void* (*end)();           // the recording
  void (*drop)() noexcept;  // ends a recording that failed
  void (*launch)(void* recording);
  void (*release)(void* recording) noexcept;
};
extern const DeviceGraph graph_cpu, graph_cuda;

}  // namespace pc
