// Running averages on CUDA: one octet a thread and step.
#include "kernels/lerp/lerp.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

template <bool Aligned>
__global__ void lerp_kernel(int64_t n, float t, const float* x, float* y) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x * kOctet;
  for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * kOctet; i < n; i += step) {
    const int count = n - i < kOctet ? int(n - i) : kOctet;
    float now[kOctet], average[kOctet];
    load_octet<Aligned>(x + i, count, now);
    load_octet<Aligned>(y + i, count, average);
#pragma unroll
    for (int j = 0; j < kOctet; ++j) average[j] += t * (now[j] - average[j]);
    store_octet<Aligned>(y + i, count, average);
  }
}

void update(int64_t n, float t, const float* x, float* y) {
  with_flag(aligned16({x, y}), [&](auto aligned) {
    launch(grid_for(ceil_div(n, kOctet), 256), 256, lerp_kernel<aligned.value>, n, t, x, y);
  });
}

}  // namespace

const LerpKernels lerp_cuda{.update = update};

}  // namespace pc
