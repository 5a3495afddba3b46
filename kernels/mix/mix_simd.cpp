// Fills mix_cpu: a row of both partners at a time.
#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/mix/mix.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

template <class T>
void blend(float lambda, int64_t begin, int64_t end, T* a, T* b) {
  if (lambda == 1) return;
  const simd::f32x own = simd::splat(lambda), other = simd::splat(1 - lambda);
  simd::for_lanes(begin, end, [&](int64_t i, auto lanes) {
    const simd::f32x x = simd::load(a + i, lanes), y = simd::load(b + i, lanes);
    simd::store(a + i, own * x + other * y, lanes);
    simd::store(b + i, own * y + other * x, lanes);
  });
}

template <class T>
void mix(const MixShape& shape, const MixPair* pairs, T* images) {
  const int64_t width = int64_t(shape.w) * shape.c;
  parallel_for(int64_t(shape.n / 2) * shape.h, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t i = row / shape.h, y = row % shape.h;
      const MixPair& pair = pairs[i];
      T* a = images + row * width;
      T* b = images + ((shape.n - 1 - i) * shape.h + y) * width;
      const bool crossed = y >= pair.y && y - pair.y < pair.h;
      const int64_t left = crossed ? shape.c * std::clamp<int64_t>(pair.x, 0, shape.w) : width;
      const int64_t right =
          crossed ? std::max(left, shape.c * std::clamp<int64_t>(int64_t(pair.x) + pair.w, 0, shape.w)) : width;
      blend(pair.lambda, 0, left, a, b);
      std::swap_ranges(a + left, a + right, b + left);
      blend(pair.lambda, right, width, a, b);
    }
  });
}

void apply(const MixShape& shape, DType dtype, const MixPair* pairs, void* images) {
  if (dtype == DType::f32) return mix(shape, pairs, static_cast<float*>(images));
  if (dtype == DType::bf16) return mix(shape, pairs, static_cast<bf16*>(images));
  fail_shape(std::string("mix: pictures are ") + name_of(dtype) + ", the CPU mixes f32 or bf16");
}

}  // namespace

const MixKernels mix_cpu{.apply = apply};

}  // namespace pc
