// The last step of a convolution at inference, for the kernels that do it themselves.
#pragma once

#include "kernels/runtime/launch.cuh"

namespace pc {

// relu?(v + bias + residual); NaN stays.
__device__ inline float conv2d_finish(float v, float bias, float residual, bool relu) {
  v += bias + residual;
  return relu && v < 0 ? 0.0f : v;
}

}  // namespace pc
