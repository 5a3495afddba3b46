// Mixing on CUDA: a thread takes one value of both partners.
#include "kernels/mix/mix.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

template <class T>
__global__ void mix_kernel(MixShape s, const MixPair* pairs, T* pictures) {
  const int64_t size = int64_t(s.h) * s.w * 3, total = int64_t(s.n / 2) * size, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t k = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; k < total; k += step) {
    const int64_t i = k / size, at = k - i * size;
    const int pixel = int(at / 3), y = pixel / s.w, x = pixel - y * s.w;
    const MixPair pair = pairs[i];
    T &a = pictures[k], &b = pictures[(s.n - 1 - i) * size + at];
    const float own = to_float(a), other = to_float(b);
    const bool crossed = y >= pair.y && y - pair.y < pair.h && x >= pair.x && x - pair.x < pair.w;
    const float lambda = crossed ? 0.0f : pair.lambda;
    if (lambda == 1) continue;
    a = from_float<T>(lambda * own + (1 - lambda) * other);
    b = from_float<T>(lambda * other + (1 - lambda) * own);
  }
}

void apply(const MixShape& s, DType dtype, const MixPair* pairs, void* pictures) {
  with_float_type("mix", dtype, [&](auto element) {
    using T = decltype(element);
    const int64_t values = int64_t(s.n / 2) * s.h * s.w * 3;
    launch(grid_for(values, 256), 256, mix_kernel<T>, s, pairs, static_cast<T*>(pictures));
  });
}

}  // namespace

const MixKernels mix_cuda{.apply = apply};

}  // namespace pc
