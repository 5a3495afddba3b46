// Positions in a feature map, and the pooling windows that cover them. Shared by max_pool and norm_pool on CUDA.
#pragma once

#include "kernels/max_pool/max_pool.h"
#include "kernels/runtime/launch.cuh"

namespace pc {

struct PoolCoord {
  uint32_t n, row, column;
};

__device__ inline PoolCoord pool_coord(uint32_t i, uint32_t height, uint32_t width) {
  const uint32_t line = i / width;
  return {line / height, line % height, i - line * width};
}

// The window of y at (row, column): its origin (h, w) in x, and its rows [r0, r1) and columns [q0, q1) that are inside
// the image.
struct PoolWindow {
  int h, w, r0, r1, q0, q1;
};
__device__ inline PoolWindow pool_window(const MaxPoolShape& s, int row, int column) {
  const int h = row * s.stride - s.pad, w = column * s.stride - s.pad;
  return {h, w, max(0, -h), min(s.kernel_size, s.h - h), max(0, -w), min(s.kernel_size, s.w - w)};
}

// The windows [p0, p1] x [q0, q1] that cover position (row, column) of x.
struct PoolCover {
  int p0, p1, q0, q1;
};
__device__ inline PoolCover pool_cover(const MaxPoolShape& s, int row, int column) {
  const int h = row + s.pad, w = column + s.pad;  // in the padded map
  return {h < s.kernel_size ? 0 : (h - s.kernel_size) / s.stride + 1, min(h / s.stride, s.p() - 1),
          w < s.kernel_size ? 0 : (w - s.kernel_size) / s.stride + 1, min(w / s.stride, s.q() - 1)};
}

// The number of positions in a map; throws if it reaches 2^31.
inline uint32_t pool_positions(const char* op, int64_t n, int64_t h, int64_t w) {
  if (n * h * w >= int64_t(1) << 31) fail_shape(std::string(op) + ": 2^31 places or more in one batch");
  return uint32_t(n * h * w);
}

}  // namespace pc
