// Fills layer_norm_cpu: a row's two sums and its result in passes over the row, which stays in the first cache.
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/runtime/column_sums_simd.h"
#include "kernels/runtime/simd_stream.h"

namespace pc {
namespace {

using simd::f32x;
using simd::splat;

// The sum over a row of term(j, lanes), which must be 0 in the lanes past the row.
template <class F>
[[gnu::always_inline]] inline float sum_row(int64_t c, F&& term) {
  constexpr int kChains = 4;  // sums of their own, or each would wait for the one before
  f32x sum[kChains] = {};
  int64_t j = 0;
  for (; j + kChains * simd::kLanes <= c; j += kChains * simd::kLanes)
    for (int k = 0; k < kChains; ++k) sum[k] += term(j + k * simd::kLanes, simd::Full());
  simd::for_lanes(j, c, [&](int64_t at, auto lanes) { sum[0] += term(at, lanes); });
  return simd::sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// v in the lanes before `lanes`, 0 past them.
[[gnu::always_inline]] inline f32x within(f32x v, simd::Full) { return v; }
[[gnu::always_inline]] inline f32x within(f32x v, int lanes) { return simd::keep(v, (1u << lanes) - 1); }

// How far ahead x is requested, or nothing would be read from memory in the passes over a row.
template <class T>
constexpr int64_t kAhead = 4096 / sizeof(T);

// Stream: y past the caches.
template <class T, bool Stream>
void forward_row(const LayerNormForward& a, const LayerNormShape& shape, int64_t row) {
  const int64_t c = shape.c;
  const float* const gamma = a.gamma;
  const float* const beta = a.beta;
  const T* const x = static_cast<const T*>(a.x) + row * c;
  T* const y = static_cast<T*>(a.y) + row * c;
  const float total = sum_row(c, [=](int64_t j, auto lanes) {
    __builtin_prefetch(x + j + kAhead<T>);
    return simd::load(x + j, lanes);
  });
  const float mean = total / float(c);
  const float squares = sum_row(c, [=](int64_t j, auto lanes) {
    const f32x d = within(simd::load(x + j, lanes) - splat(mean), lanes);
    return d * d;
  });
  const float invstd = 1 / std::sqrt(squares / float(c) + shape.eps);
  a.mean[row] = mean, a.invstd[row] = invstd;
  simd::for_lanes(0, c, [=](int64_t j, auto lanes) {
    const f32x xhat = (simd::load(x + j, lanes) - splat(mean)) * splat(invstd);
    const f32x result = xhat * simd::load(gamma + j, lanes) + simd::load(beta + j, lanes);
    if constexpr (Stream)
      simd::stream(y + j, result, lanes);
    else
      simd::store(y + j, result, lanes);
  });
}

template <class T>
void backward_row(const LayerNormBackward& a, int64_t c, int64_t row) {
  const float* const gamma = a.gamma;
  const T* const dy = static_cast<const T*>(a.dy) + row * c;
  const T* const x = static_cast<const T*>(a.x) + row * c;
  T* const dx = static_cast<T*>(a.dx) + row * c;
  const f32x mean = splat(a.mean[row]), invstd = splat(a.invstd[row]);
  const auto g = [=](int64_t j, auto lanes) { return simd::load(dy + j, lanes) * simd::load(gamma + j, lanes); };
  const auto xhat = [=](int64_t j, auto lanes) { return (simd::load(x + j, lanes) - mean) * invstd; };
  const f32x mean_g = splat(sum_row(c, g) / float(c));
  const f32x slope =
      splat(sum_row(c, [=](int64_t j, auto lanes) { return g(j, lanes) * within(xhat(j, lanes), lanes); }) / float(c));
  simd::for_lanes(0, c, [=](int64_t j, auto lanes) {
    simd::store(dx + j, invstd * (g(j, lanes) - mean_g - xhat(j, lanes) * slope), lanes);
  });
}

template <class T, bool Stream>
void forward_rows(const LayerNormShape& shape, const LayerNormForward& a) {
  parallel_for(shape.rows, column_block_rows(shape.c), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) forward_row<T, Stream>(a, shape, row);
    if constexpr (Stream) simd::end_stream();
  });
}

template <class T>
void forward_of(const LayerNormShape& shape, const LayerNormForward& a) {
  const bool streamed = simd::can_stream(static_cast<T*>(a.y), shape.rows * shape.c) && shape.c % simd::kLanes == 0;
  (streamed ? forward_rows<T, true> : forward_rows<T, false>)(shape, a);
}

template <class T>
void backward_of(const LayerNormShape& shape, const LayerNormBackward a) {
  const int64_t c = shape.c;
  const T *const dy = static_cast<const T*>(a.dy), *const x = static_cast<const T*>(a.x);
  const auto block = [=](int64_t, int64_t begin, int64_t end, double* sums) {
    for (int64_t row = begin; row < end; ++row) backward_row<T>(a, c, row);
    simd::sum_block<2>(begin, end, int(c), sums, [=](int64_t row, int64_t j, auto lanes) {
      const f32x g = simd::load(dy + row * c + j, lanes), v = simd::load(x + row * c + j, lanes);
      return simd::Terms<2>{g * ((v - splat(a.mean[row])) * splat(a.invstd[row])), g};
    });
  };
  simd::sum_blocks(1, shape.rows, shape.c, 2 * shape.c, block, [=](int64_t, const double* sums) {
    for (int64_t j = 0; j < c; ++j) a.dgamma[j] = float(sums[j]), a.dbeta[j] = float(sums[c + j]);
  });
}

void forward(const LayerNormShape& shape, DType dtype, const LayerNormForward& a) {
  if (dtype == DType::f32) return forward_of<float>(shape, a);
  if (dtype == DType::bf16) return forward_of<bf16>(shape, a);
  fail_cpu_dtype("layer_norm: x", dtype);
}

void backward(const LayerNormShape& shape, DType dtype, const LayerNormBackward& a) {
  if (dtype == DType::f32) return backward_of<float>(shape, a);
  if (dtype == DType::bf16) return backward_of<bf16>(shape, a);
  fail_cpu_dtype("layer_norm: dy", dtype);
}

}  // namespace

const LayerNormKernels layer_norm_cpu{.forward = forward, .backward = backward};

}  // namespace pc
