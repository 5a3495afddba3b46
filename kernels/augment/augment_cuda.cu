// Resampling on CUDA: a thread computes one output pixel, and the weights of both axes for it.
#include "kernels/augment/augment.h"
#include "kernels/augment/augment_point.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

constexpr int kThreads = 256;

// A block computes one tile of kThreads pixels of one image. Aligned: a pixel is one vec8.
template <class T, bool Aligned>
__global__ void augment_kernel(AugmentShape s, unsigned tiles, AugmentSource source, const AugmentSample* samples,
                               T* y) {
  const unsigned n = blockIdx.x / tiles;
  const int pixel = int((blockIdx.x - n * tiles) * kThreads + threadIdx.x);
  if (pixel >= s.out_h * s.out_w) return;
  const AugmentSample& sample = samples[n];
  const int i = pixel / s.out_w, j = pixel - i * s.out_w;
  float value[kVecWidth] = {};
  augment_point::value_of(s, source, sample, i, j, value);
  augment_point::recolor(sample.color, value);
  if (!augment_point::keeps_tones(sample)) augment_point::retone(sample, value);
  const bool erased = augment_point::erased(sample, i, j);
#pragma unroll
  for (int c = 0; c < 3; ++c) value[c] = erased ? 0.0f : value[c] / (255 * s.std[c]) - s.mean[c] / s.std[c];
  store_vec8<Aligned>(y + (int64_t(n) * s.out_h * s.out_w + pixel) * s.channels, s.channels, value);
}

void forward(const AugmentShape& s, DType dtype, const AugmentSource& source, const AugmentSample* samples, void* y) {
  if (s.channels < 3 || s.channels > kVecWidth) fail_shape("augment: " + std::to_string(s.channels) + " channels");
  const int64_t tiles = ceil_div(int64_t(s.out_h) * s.out_w, kThreads);
  if (int64_t(s.n) * tiles >= int64_t(1) << 31) fail_shape("augment: 2^31 tiles or more in one batch");
  with_float_type("augment", dtype, [&](auto element) {
    with_flag(s.channels == kVecWidth && aligned16({y}), [&](auto aligned) {
      using T = decltype(element);
      launch(unsigned(s.n * tiles), kThreads, augment_kernel<T, aligned.value>, s, unsigned(tiles), source, samples,
             static_cast<T*>(y));
    });
  });
}

}  // namespace

const AugmentKernels augment_cuda{.forward = forward};

}  // namespace pc
