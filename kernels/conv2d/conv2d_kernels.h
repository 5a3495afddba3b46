// The kernels that the convolutions need besides cuDNN: depthwise convolutions, the gradient of the bias, padding of
// channels to vec8s, and an epilogue for plans without one.
#pragma once

#include <cstdint>

#include "kernels/conv2d/conv2d.h"

namespace pc {

// Copies rows of `from_c` 16-bit values to rows of `to_c`, truncated or padded with 0.
void conv2d_fit_channels(int64_t rows, int from_c, const void* from, int to_c, void* to);

// What happens to y before it is stored: f(y + bias[k] + residual). Null: none. residual is laid out and typed as y.
struct Conv2dEpilogue {
  const float* bias = nullptr;
  const void* residual = nullptr;
  Activation activation = Activation::none;
};
void conv2d_epilogue(int64_t rows, int c, DType dtype, const Conv2dEpilogue&, void* y);  // y [rows, c]

// Depthwise shapes; as Conv2dKernels' forward, infer, backward_data and backward_weight. w is of `dtype`.
void conv2d_depthwise(const Conv2dShape&, DType, const void* x, const void* w, const Conv2dEpilogue&, void* y);
void conv2d_depthwise_data(const Conv2dShape&, DType, const void* dy, const void* w, bool add, void* dx);
void conv2d_depthwise_weight(const Conv2dShape&, DType, const void* x, const void* dy, float* dw);

// As in Conv2dKernels.
void conv2d_backward_bias(const Conv2dShape&, DType, const void* dy, float* db);

}  // namespace pc
