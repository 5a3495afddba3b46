// The engines of the stand-in's cuDNN: all convolve alike, some then do what an engine must not.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kernels/runtime/dtype.h"

namespace pc::simt {

struct Engine {
  std::string tag;
  double milliseconds;  // what a run takes, by engine_clock
  std::size_t workspace;
  void (*spoil)(void* y, std::size_t n, DType dtype, void* workspace);
  double cold = 0;  // what a run takes on other tensors than the one before, where that is another time
};
const std::vector<Engine>& engines();
extern bool all_engines_fail;  // every one writes NaN first

extern double engine_clock;

}  // namespace pc::simt
