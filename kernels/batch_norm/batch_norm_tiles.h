// How the CPU divides the work of batch_norm.
#pragma once

#include <algorithm>

#include "kernels/batch_norm/batch_norm.h"

namespace pc {

// Vectors of channels whose sums fit in the registers together.
constexpr int batch_norm_vectors(int lanes) { return lanes == 16 ? 4 : 2; }

// Rows per block: 32768 elements, and few enough rows for f32 sums in the backward pass.
constexpr int64_t batch_norm_block_rows(const BatchNormShape& shape) {
  return std::clamp<int64_t>(32768 / shape.c, 16, 1024);
}

}  // namespace pc
