// Fills dropout_cpu: factors are drawn into a small array, then applied in vectors.
#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/math.h"
#include "kernels/base/parallel.h"
#include "kernels/dropout/dropout.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

constexpr int64_t kBlock = 1024;  // elements of an image

template <class T>
void scale_by(const T* x, int64_t count, float factor, T* y) {
  simd::for_lanes(0, count, [=](int64_t i, auto lanes) {
    simd::store(y + i, simd::load(x + i, lanes) * simd::splat(factor), lanes);
  });
}

template <class T>
void scale_each(const DropoutShape& s, const DropoutBatch& batch, uint64_t image, int64_t begin, const T* x,
                int64_t count, T* y) {
  DropoutFactors factors[kBlock / 4];
  for (int64_t i = 0; i < ceil_div(count, 4); ++i) factors[i] = dropout_factors(s, batch, image, begin / 4 + i);
  const float* const f = factors[0].value;
  simd::for_lanes(0, count, [=](int64_t i, auto lanes) {
    simd::store(y + i, simd::load(x + i, lanes) * simd::load(f + i, lanes), lanes);
  });
}

template <class T>
void apply_of(const DropoutShape& s, const DropoutBatch* batch, const T* x, T* y) {
  const auto* const images = reinterpret_cast<const uint64_t*>(batch + 1);
  const int64_t blocks = ceil_div(s.elements, kBlock);
  parallel_for(s.n * blocks, kElementGrain / kBlock, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t n = i / blocks, begin = i % blocks * kBlock, count = std::min(kBlock, s.elements - begin);
      const int64_t at = n * s.elements + begin;
      if (s.whole_image)
        scale_by(x + at, count, dropout_factors(s, *batch, images[n], 0).value[0], y + at);
      else
        scale_each(s, *batch, images[n], begin, x + at, count, y + at);
    }
  });
}

void apply(const DropoutShape& s, DType dtype, const DropoutBatch* batch, const void* x, void* y) {
  if (dtype == DType::f32) return apply_of(s, batch, static_cast<const float*>(x), static_cast<float*>(y));
  if (dtype == DType::bf16) return apply_of(s, batch, static_cast<const bf16*>(x), static_cast<bf16*>(y));
  fail_cpu_dtype("dropout: x", dtype);
}

}  // namespace

const DropoutKernels dropout_cpu{.apply = apply};

}  // namespace pc
