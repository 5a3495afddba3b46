// The kernels that the convolutions need besides cuDNN: padding of channels to vec8s, and an epilogue for plans without
// one.
#pragma once

#include <cstdint>

#include "kernels/runtime/dtype.h"

namespace pc {

// Copies rows of `from_c` 16-bit values to rows of `to_c`, truncated or padded with 0.
void conv2d_fit_channels(int64_t rows, int from_c, const void* from, int to_c, void* to);

// y = relu?(y + bias + residual?), [rows, c]; bias is f32, residual may be null.
void conv2d_epilogue(int64_t rows, int c, DType dtype, const float* bias, const void* residual, bool relu, void* y);

}  // namespace pc
