// Stores of results that no cache holds: past the caches, so that a line is not read only to be overwritten. As simd.h:
// only *_simd.cpp files may include this.
#pragma once

#include "kernels/runtime/simd.h"

namespace pc::simd {
inline namespace PC_VARIANT {

constexpr std::size_t kStreamedBytes = std::size_t(64) << 20;

// f32 only: 16-bit results are bound by their conversion.
[[gnu::always_inline]] static inline bool can_stream(const float* to, int64_t n) {
  return std::size_t(n) * sizeof(float) >= kStreamedBytes && reinterpret_cast<uintptr_t>(to) % sizeof(f32x) == 0;
}
[[gnu::always_inline]] static inline bool can_stream(const bf16*, int64_t) { return false; }

// to: aligned to a vector. The thread that streamed calls end_stream() before others may read.
[[gnu::always_inline]] static inline void stream(float* to, f32x v, Full) {
#ifdef __AVX512F__
  _mm512_stream_ps(to, v);
#else
  _mm256_stream_ps(to, v);
#endif
}
template <class T, class Lanes>
[[gnu::always_inline]] static inline void stream(T* to, f32x v, Lanes lanes) {
  store(to, v, lanes);
}
[[gnu::always_inline]] static inline void end_stream() { _mm_sfence(); }

// y[i] = f(i, lanes) over [begin, end), past the caches, in four parts that advance together: a core that reads from several
// places at once gets a quarter more bytes per second than from one (bench/README.md).
template <class T, class F>
[[gnu::always_inline]] static inline void stream_parts(int64_t begin, int64_t end, T* y, F&& f) {
  constexpr int kParts = 4;
  const int64_t part = (end - begin) / (kParts * kLanes) * kLanes;
  for (int64_t i = begin; i < begin + part; i += kLanes) {
    f32x v[kParts];
#pragma GCC unroll 4
    for (int k = 0; k < kParts; ++k) v[k] = f(i + k * part, Full());
#pragma GCC unroll 4
    for (int k = 0; k < kParts; ++k) stream(y + i + k * part, v[k], Full());
  }
  for_lanes(begin + kParts * part, end, [&](int64_t i, auto lanes) { stream(y + i, f(i, lanes), lanes); });
  end_stream();
}

}  // namespace PC_VARIANT
}  // namespace pc::simd
