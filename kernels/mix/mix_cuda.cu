// Mixing on CUDA: a thread handles one pixel of both partners.
#include "kernels/mix/mix.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

template <class T, bool Aligned>
__global__ void mix_kernel(MixShape s, const MixPair* pairs, T* pictures) {
  const int64_t size = int64_t(s.h) * s.w, total = s.n / 2 * size, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t k = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; k < total; k += step) {
    const int64_t i = k / size;
    const int pixel = int(k - i * size), y = pixel / s.w, x = pixel - y * s.w;
    const MixPair pair = pairs[i];
    const bool crossed = y >= pair.y && y - pair.y < pair.h && x >= pair.x && x - pair.x < pair.w;
    const float lambda = crossed ? 0.0f : pair.lambda;
    if (lambda == 1) continue;
    T *a = pictures + k * s.c, *b = pictures + ((s.n - 1 - i) * size + pixel) * s.c;
    float own[kVecWidth], other[kVecWidth];
    load_vec8<Aligned>(a, s.c, own);
    load_vec8<Aligned>(b, s.c, other);
#pragma unroll
    for (int c = 0; c < kVecWidth; ++c) {
      const float v = own[c];
      own[c] = lambda * v + (1 - lambda) * other[c];
      other[c] = lambda * other[c] + (1 - lambda) * v;
    }
    store_vec8<Aligned>(a, s.c, own);
    store_vec8<Aligned>(b, s.c, other);
  }
}

void apply(const MixShape& s, DType dtype, const MixPair* pairs, void* pictures) {
  with_float_type("mix", dtype, [&](auto element) {
    with_flag(s.c == kVecWidth && aligned16({pictures}), [&](auto aligned) {
      using T = decltype(element);
      const int64_t pixels = int64_t(s.n / 2) * s.h * s.w;
      launch(grid_for(pixels, 256), 256, mix_kernel<T, aligned.value>, s, pairs, static_cast<T*>(pictures));
    });
  });
}

}  // namespace

const MixKernels mix_cuda{.apply = apply};

}  // namespace pc
