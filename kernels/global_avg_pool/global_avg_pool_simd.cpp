// Fills global_avg_pool_cpu: each picture is one block, vectors run over the channels.
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/global_avg_pool/global_avg_pool.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

// Pictures per block: about 32768 elements.
int64_t grain(const GlobalAvgPoolShape& shape) { return std::max<int64_t>(1, 32768 / (int64_t(shape.hw) * shape.c)); }

template <class T>
void pool(const GlobalAvgPoolShape& shape, const T* x, T* y) {
  const simd::f32x count = simd::splat(float(shape.hw));
  parallel_for(shape.n, grain(shape), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      const T* picture = x + n * shape.hw * shape.c;
      simd::for_lanes(0, shape.c, [&](int64_t c, auto lanes) {
        simd::f32x sum = {};
        for (int64_t i = 0; i < shape.hw; ++i) sum += simd::load(picture + i * shape.c + c, lanes);
        simd::store(y + n * shape.c + c, sum / count, lanes);
      });
    }
  });
}

template <class T>
void broadcast(const GlobalAvgPoolShape& shape, const T* dy, T* dx) {
  const simd::f32x count = simd::splat(float(shape.hw));
  parallel_for(shape.n, grain(shape), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      T* picture = dx + n * shape.hw * shape.c;
      simd::for_lanes(0, shape.c, [&](int64_t c, auto lanes) {
        const simd::f32x value = simd::load(dy + n * shape.c + c, lanes) / count;
        for (int64_t i = 0; i < shape.hw; ++i) simd::store(picture + i * shape.c + c, value, lanes);
      });
    }
  });
}

void forward(const GlobalAvgPoolShape& shape, DType dtype, const void* x, void* y) {
  if (dtype == DType::f32) return pool(shape, static_cast<const float*>(x), static_cast<float*>(y));
  if (dtype == DType::bf16) return pool(shape, static_cast<const bf16*>(x), static_cast<bf16*>(y));
  fail_cpu_dtype("global_avg_pool: x", dtype);
}

void backward(const GlobalAvgPoolShape& shape, DType dtype, const void* dy, void* dx) {
  if (dtype == DType::f32) return broadcast(shape, static_cast<const float*>(dy), static_cast<float*>(dx));
  if (dtype == DType::bf16) return broadcast(shape, static_cast<const bf16*>(dy), static_cast<bf16*>(dx));
  fail_cpu_dtype("global_avg_pool: dy", dtype);
}

}  // namespace

const GlobalAvgPoolKernels global_avg_pool_cpu{.forward = forward, .backward = backward};

}  // namespace pc
