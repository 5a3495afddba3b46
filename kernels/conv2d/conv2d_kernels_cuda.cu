// The convolutions' own kernels: one octet of a row a thread and step.
#include "kernels/conv2d/conv2d_kernels.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

constexpr int kThreads = 256;

template <bool Aligned>
__global__ void fit_kernel(int64_t rows, int from_c, const uint16_t* from, int to_c, uint16_t* to) {
  const int octets = (to_c + kOctet - 1) / kOctet;
  const int64_t total = rows * octets, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const int64_t row = i / octets;
    const int c = int(i - row * octets) * kOctet;
    Octet<uint16_t> octet;
#pragma unroll
    for (int k = 0; k < kOctet; ++k) octet.value[k] = c + k < from_c ? from[row * from_c + c + k] : uint16_t(0);
    if (Aligned) {
      *reinterpret_cast<Octet<uint16_t>*>(to + row * to_c + c) = octet;
    } else {
#pragma unroll
      for (int k = 0; k < kOctet; ++k)
        if (c + k < to_c) to[row * to_c + c + k] = octet.value[k];
    }
  }
}

template <class T, bool Aligned>
__global__ void epilogue_kernel(int64_t rows, int c_total, const float* bias, const T* residual, bool relu, T* y) {
  const int octets = (c_total + kOctet - 1) / kOctet;
  const int64_t total = rows * octets, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const int64_t row = i / octets;
    const int c = int(i - row * octets) * kOctet, count = min(kOctet, c_total - c);
    const int64_t at = row * c_total + c;
    float v[kOctet], b[kOctet], other[kOctet] = {};
    load_octet<Aligned>(y + at, count, v);
    load_octet<Aligned>(bias + c, count, b);
    if (residual) load_octet<Aligned>(residual + at, count, other);
#pragma unroll
    for (int k = 0; k < kOctet; ++k) {
      v[k] += b[k] + other[k];
      if (relu) v[k] = v[k] < 0 ? 0.0f : v[k];
    }
    store_octet<Aligned>(y + at, count, v);
  }
}

}  // namespace

void conv2d_fit_channels(int64_t rows, int from_c, const void* from, int to_c, void* to) {
  with_flag(to_c % kOctet == 0 && aligned16({to}), [&](auto aligned) {
    launch(grid_for(rows * ceil_div(to_c, kOctet), kThreads), kThreads, fit_kernel<aligned.value>, rows, from_c,
           static_cast<const uint16_t*>(from), to_c, static_cast<uint16_t*>(to));
  });
}

void conv2d_epilogue(int64_t rows, int c, DType dtype, const float* bias, const void* residual, bool relu, void* y) {
  with_float_type("conv2d", dtype, [&](auto element) {
    with_flag(c % kOctet == 0 && aligned16({bias, residual, y}), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_for(rows * ceil_div(c, kOctet), kThreads), kThreads, epilogue_kernel<T, aligned.value>, rows, c, bias,
             static_cast<const T*>(residual), relu, static_cast<T*>(y));
    });
  });
}

}  // namespace pc
