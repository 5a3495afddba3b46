// conv2d_plans: which cuDNN engine was chosen for which convolution, as text, so that a later process can reuse the
// choice.
//
// A line is "DEVICE; CONVOLUTION = ENGINE", such as
//   cuDNN 9.19.0, NVIDIA H100 80GB HBM3, 132 multiprocessors; forward bf16 256x56x56x64 64x3x3/1+1 = 62 24=1
// Lines of other devices and versions are kept unchanged. The CPU's kernels have no choice to make.
#pragma once

#include <string>

#include "kernels/runtime/select.h"

namespace pc {

struct Conv2dPlans {
  // Adds choices of earlier processes; if cuDNN no longer offers an engine, another one is chosen. Throws Error(data),
  // "NAME:LINE: …", if a line is not a choice.
  void (*load)(const std::string& text, const std::string& name);
  // All choices, sorted.
  std::string (*text)();
  // on: from now on a convolution without a choice is tuned by running every engine (about a tenth of a second each),
  // also if it already has a plan. off: every convolution uses cuDNN's first proposal, whatever was chosen or loaded before.
  void (*tune)(bool on);
};
extern const Conv2dPlans conv2d_plans_cpu, conv2d_plans_cuda;

}  // namespace pc
