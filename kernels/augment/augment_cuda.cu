// Resampling on CUDA: a thread makes one output pixel, weights of both axes worked out on the way.
#include "kernels/augment/augment.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

constexpr int kThreads = 256;

// The source pixels [first, first + count) under the triangle of one output position. Pixel first + t has the weight of
// 1 - |offset + t| * slope, times `norm` so that all add up to 1; a single pixel has 1.
struct Taps {
  int first, count;
  float offset, slope, norm;
  __device__ float raw_weight(int t) const { return fmaxf(0.0f, 1 - fabsf(offset + float(t)) * slope); }
  __device__ float weight(int t) const { return count == 1 ? 1.0f : raw_weight(t) * norm; }
};

__device__ Taps make_taps(float start, float crop, int out, int j) {
  const int begin = int(ceilf(start - 0.5f)), end = max(begin + 1, int(ceilf(start + crop - 0.5f)));
  const double scale = double(crop) / out, support = fmax(1.0, scale), centre = double(start) + (j + 0.5) * scale;
  const auto weight = [&](int k) { return 1 - fabs(k + 0.5 - centre) / support; };
  int first = min(max(int(floor(centre - support)), begin), end - 1);
  int last = min(max(int(ceil(centre + support)), begin), end - 1);
  while (first < last && weight(first) <= 0) ++first;
  while (first < last && weight(last) <= 0) --last;
  Taps taps{.first = first,
            .count = last - first + 1,
            .offset = float(first + 0.5 - centre),
            .slope = float(1 / support),
            .norm = 1};
  float sum = 0;
  for (int t = 0; t < taps.count; ++t) sum += taps.raw_weight(t);
  taps.norm = 1 / sum;
  return taps;
}

// A block makes one tile of kThreads pixels of one picture.
template <class T>
__global__ void resample_kernel(AugmentShape s, unsigned tiles, const uint8_t* pixels, const AugmentSample* samples,
                                T* y) {
  const unsigned n = blockIdx.x / tiles;
  const int pixel = int((blockIdx.x - n * tiles) * kThreads + threadIdx.x);
  if (pixel >= s.out_h * s.out_w) return;
  const AugmentSample sample = samples[n];
  const uint8_t* picture = pixels + sample.offset;
  const int i = pixel / s.out_w, j = pixel - i * s.out_w;
  const Taps rows = make_taps(sample.crop_y, sample.crop_h, s.out_h, i);
  const Taps columns = make_taps(sample.crop_x, sample.crop_w, s.out_w, sample.flip ? s.out_w - 1 - j : j);
  const float fill[3] = {float(s.fill[0]), float(s.fill[1]), float(s.fill[2])};
  float sum[3] = {};
  for (int r = 0; r < rows.count; ++r) {
    const int h = rows.first + r;
    const bool row_inside = h >= 0 && h < sample.h;
    float line[3] = {};
    for (int q = 0; q < columns.count; ++q) {
      const int w = columns.first + q;
      const float weight = columns.weight(q);
      const bool inside = row_inside && w >= 0 && w < sample.w;
      const uint8_t* from = picture + (inside ? (int64_t(h) * sample.w + w) * 3 : 0);
#pragma unroll
      for (int c = 0; c < 3; ++c) line[c] += weight * (inside ? float(from[c]) : fill[c]);
    }
    const float weight = rows.weight(r);
#pragma unroll
    for (int c = 0; c < 3; ++c) sum[c] += weight * line[c];
  }
  T* to = y + (int64_t(n) * s.out_h * s.out_w + pixel) * 3;
#pragma unroll
  for (int c = 0; c < 3; ++c) to[c] = from_float<T>(sum[c] / (255 * s.std[c]) - s.mean[c] / s.std[c]);
}

void forward(const AugmentShape& s, DType dtype, const uint8_t* pixels, const AugmentSample* samples, void* y) {
  const int64_t tiles = ceil_div(int64_t(s.out_h) * s.out_w, kThreads);
  if (int64_t(s.n) * tiles >= int64_t(1) << 31) fail_shape("augment: 2^31 tiles or more in one batch");
  with_float_type("augment", dtype, [&](auto element) {
    using T = decltype(element);
    launch(unsigned(s.n * tiles), kThreads, resample_kernel<T>, s, unsigned(tiles), pixels, samples,
           static_cast<T*>(y));
  });
}

}  // namespace

const AugmentKernels augment_cuda{.forward = forward};

}  // namespace pc
