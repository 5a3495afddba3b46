// graph: a sequence of device calls, recorded once and then repeated with one call (a CUDA graph).
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct DeviceGraph {
  bool records;  // false on the CPU, where the other members are null
  // From now on, device calls of this thread are recorded instead of executed. Until end(), no call may wait for the
  // device, allocate device memory (except from an arena: arena.h), or copy to or from host memory: a launch copies again,
  // from memory that may have been freed. DeviceMemory's copies throw std::logic_error.
  void (*begin)();
  void* (*end)();           // returns the recording
  void (*drop)() noexcept;  // discards a recording that failed
  void (*launch)(void* recording);
  void (*release)(void* recording) noexcept;
};
extern const DeviceGraph graph_cpu, graph_cuda;

// Whether this thread records on the GPU now.
bool recording_cuda();

}  // namespace pc
