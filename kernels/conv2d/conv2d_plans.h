// conv2d_plans: which engine serves which convolution, as text, so that a choice outlives the process that made it.
//
// A line is "DEVICE; CONVOLUTION = ENGINE", such as
//   cuDNN 9.19.0, NVIDIA H100 80GB HBM3, 132 multiprocessors; forward bf16 256x56x56x64 64x3x3/1+1 = 62 24=1
// Lines of other devices and versions are kept as they are. The CPU's kernels have nothing to choose.
#pragma once

#include <string>

#include "kernels/runtime/select.h"

namespace pc {

struct Conv2dPlans {
  // Takes up choices of earlier processes; an engine that cuDNN no longer offers is chosen anew. Throws Error(data),
  // "NAME:LINE: …", where a line is no choice.
  void (*load)(const std::string& text, const std::string& name);
  // All choices, sorted.
  std::string (*text)();
  // From now on, for plans made before too, a convolution without a choice is tried with every engine (a tenth of a
  // second or so each); else cuDNN's first proposal serves.
  void (*tune)(bool on);
};
extern const Conv2dPlans conv2d_plans_cpu, conv2d_plans_cuda;

}  // namespace pc
