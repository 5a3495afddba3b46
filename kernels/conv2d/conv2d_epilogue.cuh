// The last step of a convolution at inference, for the kernels that do it themselves.
#pragma once

#include "kernels/activation/activation.cuh"

namespace pc {

// v = f(v + bias + residual)
template <int N>
__device__ inline void conv2d_finish(const float (&bias)[N], const float (&residual)[N], Activation activation,
                                     float (&v)[N]) {
#pragma unroll
  for (int k = 0; k < N; ++k) v[k] += bias[k] + residual[k];
  if (activation == Activation::none) return;
  with_activation(activation, [&](auto kind) {
#pragma unroll
    for (int k = 0; k < N; ++k) v[k] = activate<kind.value>(v[k]);
  });
}

}  // namespace pc
