// max_pool: y[n,p,q,c] = the maximum of x over a window, as PyTorch's max_pool2d: padding is never the maximum, the
// first maximum in row-major order gets the gradient, NaN counts as the maximum.
//   dx = dy scattered to where each maximum was found.
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct MaxPoolShape {
  int n, h, w, c;
  int kernel_size = 3, stride = 2, pad = 1;  // kernel_size <= 15, pad <= kernel_size / 2
  constexpr int p() const { return (h + 2 * pad - kernel_size) / stride + 1; }
  constexpr int q() const { return (w + 2 * pad - kernel_size) / stride + 1; }
};

struct MaxPoolKernels {
  // index: u8, laid out as y: r * kernel_size + s of the maximum; null if no backward pass follows.
  void (*forward)(const MaxPoolShape&, DType, const void* x, void* y, uint8_t* index);
  void (*backward)(const MaxPoolShape&, DType, const void* dy, const uint8_t* index, void* dx);
};
extern const MaxPoolKernels max_pool_cpu, max_pool_cuda;

}  // namespace pc
