// The engines of the simulated cuDNN: all compute the same convolution; some then do something that an engine must not
// do.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kernels/runtime/dtype.h"

namespace pc::simt {

struct Engine {
  std::string tag;
  double milliseconds;  // of a run, by engine_clock
  std::size_t workspace;
  void (*spoil)(void* y, std::size_t n, DType dtype, void* workspace);
  double cold = 0;  // milliseconds of a run on other tensors than the previous run, if different
};
const std::vector<Engine>& engines();
extern bool all_engines_fail;  // every engine writes NaN first

extern double engine_clock;

}  // namespace pc::simt
