// Depthwise convolutions on the CPU: every channel has a filter of its own, so the channels, which lie next to each
// other in memory, are the lanes of the vectors. Memory limits all three directions: an element takes r * s
// multiply-adds while it is read, and written, once.
#include <algorithm>
#include <array>
#include <utility>

#include "kernels/base/parallel.h"
#include "kernels/conv2d/conv2d_depthwise.h"
#include "kernels/conv2d/conv2d_simd.h"

namespace pc::conv2d::PC_VARIANT {
namespace {

// Asks for what the next row of the result needs of the input beyond what this row does, for M of its pixels: with
// strided channels the hardware sees no stream.
template <class T, int M>
[[gnu::always_inline]] inline void prefetch(const DepthwisePlan& plan, const T* const* in, int64_t reach, int64_t c) {
  for (int i = 1; i <= plan.in_step; ++i)
    for (int j = 0; j < plan.in_step; ++j) {
      const int64_t at = reach + i * plan.in_row - j * plan.channels + c;
#pragma GCC unroll 8
      for (int m = 0; m < M; ++m) __builtin_prefetch(in[m] + at, 0, 2);
    }
}

// out[m][c] = epilogue(sum over taps of in[m][tap.offset + c] * w[tap.weight + c]) for M pixels. Stream: past the
// caches.
template <class T, bool Stream, int M>
void tile(const DepthwisePlan& plan, const DepthwiseTile& t, const T* x, const float* w, const Epilogue& e, T* y) {
  const T* in[M];
  for (int m = 0; m < M; ++m) in[m] = x + t.in[m];
  const GatherTap *begin = t.taps.data(), *end = begin + t.taps.size();
  simd::for_lanes(0, plan.channels, [&](int64_t c, auto count) {
    f32x sum[M] = {};
    for (const GatherTap* tap = begin; tap != end; ++tap) {
      const f32x weight = load(w + tap->weight + c, count);
      const int64_t at = tap->offset + c;
#pragma GCC unroll 8
      for (int m = 0; m < M; ++m) sum[m] += load(in[m] + at, count) * weight;
    }
    prefetch<T, M>(plan, in, t.reach, c);
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      const int64_t at = t.out[m] + c;
      const T* residual = static_cast<const T*>(e.residual);
      const f32x v = finish(sum[m], e, c, residual ? residual + at : nullptr, count);
      if constexpr (Stream)
        simd::stream(y + at, v);
      else
        store(y + at, v, count);
    }
  });
}

// dw[tap.weight + c] += sum over M pixels of dy[m][c] * x[m][tap.offset + c]
template <class T, int M>
void weight_tile(const DepthwisePlan& plan, const DepthwiseTile& t, const T* x, const T* dy, float* dw) {
  const T* in[M];
  for (int m = 0; m < M; ++m) in[m] = x + t.in[m];
  const GatherTap *begin = t.taps.data(), *end = begin + t.taps.size();
  simd::for_lanes(0, plan.channels, [&](int64_t c, auto count) {
    f32x gradient[M];
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) gradient[m] = load(dy + t.out[m] + c, count);
    for (const GatherTap* tap = begin; tap != end; ++tap) {
      const int64_t at = tap->offset + c;
      f32x sum = load(dw + tap->weight + c, count);
#pragma GCC unroll 8
      for (int m = 0; m < M; ++m) sum += load(in[m] + at, count) * gradient[m];
      store(dw + tap->weight + c, sum, count);
    }
    prefetch<T, M>(plan, in, t.reach, c);
    const int64_t next = int64_t(plan.out_w) * plan.channels + c;
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) __builtin_prefetch(dy + t.out[m] + next, 0, 2);
  });
}

template <class T, bool Stream, std::size_t... M>
constexpr auto make_tiles(std::index_sequence<M...>) {
  return std::array{tile<T, Stream, int(M) + 1>...};
}
template <class T, std::size_t... M>
constexpr auto make_weight_tiles(std::index_sequence<M...>) {
  return std::array{weight_tile<T, int(M) + 1>...};
}
constexpr auto kHeights = std::make_index_sequence<kDepthwiseTile>();
template <class T, bool Stream>
constexpr auto kTiles = make_tiles<T, Stream>(kHeights);  // by height - 1
template <class T>
constexpr auto kWeightTiles = make_weight_tiles<T>(kHeights);

template <class T, bool Stream>
void gather(const DepthwisePlan& plan, const T* in, const float* w, const Epilogue& e, T* out) {
  const int64_t grain = std::max<int64_t>(1, plan.rows() / (thread_count() * 16));
  parallel_for(plan.rows(), grain, [&](int64_t begin, int64_t end) {
    for_tiles(plan, begin, end,
              [&](const DepthwiseTile& t) { kTiles<T, Stream>[std::size_t(t.height - 1)](plan, t, in, w, e, out); });
    if (Stream) _mm_sfence();  // before another thread is told that the rows are there
  });
}

// A store reads its cache line first, a third of all traffic, unless it goes past the caches. That pays if the result
// would not stay in them.
bool can_stream(const DepthwisePlan& plan, const Epilogue& e, const void* out) {
  constexpr int64_t kLarge = 32 << 20;
  constexpr int kBytes = kLanes * int(sizeof(float));
  return plan.rows() * plan.out_w * plan.channels * int64_t(sizeof(float)) >= kLarge && e.residual != out &&
         plan.channels % kLanes == 0 && reinterpret_cast<uintptr_t>(out) % kBytes == 0;
}

// The rows of y are divided into parts; each part is summed by one thread, then the parts in their order.
template <class T>
void sum_weights(const DepthwisePlan& plan, const T* x, const T* dy, float* dw) {
  const int64_t rows = plan.rows(), parts = std::min<int64_t>(rows, 64), taps = int64_t(plan.shape.r) * plan.shape.s,
                size = taps * plan.channels;
  const Buffer partials(Device::cpu, std::size_t(parts * size) * sizeof(float));
  parallel_each(parts, [&](int64_t part, int) {
    float* own = partials.as<float>() + part * size;
    std::fill_n(own, size, 0.0f);
    for_tiles(plan, rows * part / parts, rows * (part + 1) / parts,
              [&](const DepthwiseTile& t) { kWeightTiles<T>[std::size_t(t.height - 1)](plan, t, x, dy, own); });
  });
  parallel_for(plan.channels, 16, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c)
      for (int64_t tap = 0; tap < taps; ++tap) {
        float sum = 0;
        for (int64_t part = 0; part < parts; ++part) sum += partials.as<float>()[part * size + tap * plan.channels + c];
        dw[c * taps + tap] = sum;
      }
  });
}

}  // namespace

Buffer depthwise_panel(const Conv2dShape& s, DType dtype, const void* w) {
  const int64_t taps = int64_t(s.r) * s.s;
  Buffer panel(Device::cpu, std::size_t(taps * s.c) * sizeof(float));
  for (int64_t c = 0; c < s.c; ++c)
    for (int64_t tap = 0; tap < taps; ++tap)
      panel.as<float>()[tap * s.c + c] = dtype == DType::f32 ? static_cast<const float*>(w)[c * taps + tap]
                                                             : float(static_cast<const bf16*>(w)[c * taps + tap]);
  return panel;
}

void depthwise(const DepthwisePlan& plan, DType dtype, const void* in, const float* panel, const Epilogue& e,
               void* out) {
  if (dtype == DType::bf16)
    return gather<bf16, false>(plan, static_cast<const bf16*>(in), panel, e, static_cast<bf16*>(out));
  const auto run = can_stream(plan, e, out) ? gather<float, true> : gather<float, false>;
  run(plan, static_cast<const float*>(in), panel, e, static_cast<float*>(out));
}

void depthwise_weight_gradient(const Conv2dShape& s, DType dtype, const void* x, const void* dy, float* dw) {
  const auto plan = depthwise_forward_plan(s);
  if (dtype == DType::f32) return sum_weights(*plan, static_cast<const float*>(x), static_cast<const float*>(dy), dw);
  sum_weights(*plan, static_cast<const bf16*>(x), static_cast<const bf16*>(dy), dw);
}

}  // namespace pc::conv2d::PC_VARIANT
