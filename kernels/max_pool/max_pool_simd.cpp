// Fills max_pool_cpu: a block is some rows of the output (forward) or the input (backward); vectors run over the
// channels.
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/max_pool/max_pool.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

using simd::f32x;
using simd::kLanes;
#ifdef __AVX512F__
using i32x = __m512i;
[[gnu::always_inline]] inline i32x splat(int value) { return _mm512_set1_epi32(value); }
// Lanes where v beats best, or is NaN: those take v and its place.
[[gnu::always_inline]] inline void take_larger(f32x v, int coord, f32x& best, i32x& at) {
  const __mmask16 wins = _mm512_cmp_ps_mask(v, best, _CMP_GT_OQ) | _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  best = _mm512_mask_mov_ps(best, wins, v);
  at = _mm512_mask_set1_epi32(at, wins, coord);
}
[[gnu::always_inline]] inline void store_coords(uint8_t* p, i32x at) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(at));
}
// v where the stored place is `place`, else 0.
[[gnu::always_inline]] inline f32x where(const uint8_t* p, int coord, f32x v) {
  const __m128i at = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask(_mm512_cvtepu8_epi32(at), splat(coord)), v);
}
#else
using i32x = __m256i;
[[gnu::always_inline]] inline i32x splat(int value) { return _mm256_set1_epi32(value); }
[[gnu::always_inline]] inline void take_larger(f32x v, int coord, f32x& best, i32x& at) {
  const f32x wins = _mm256_or_ps(_mm256_cmp_ps(v, best, _CMP_GT_OQ), _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  best = _mm256_blendv_ps(best, v, wins);
  at = _mm256_blendv_epi8(at, splat(coord), _mm256_castps_si256(wins));
}
[[gnu::always_inline]] inline void store_coords(uint8_t* p, i32x at) {
  int32_t lanes[kLanes];
  std::memcpy(lanes, &at, sizeof lanes);
  for (int i = 0; i < kLanes; ++i) p[i] = uint8_t(lanes[i]);
}
[[gnu::always_inline]] inline f32x where(const uint8_t* p, int coord, f32x v) {
  const __m256i at = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return _mm256_and_ps(v, _mm256_castsi256_ps(_mm256_cmpeq_epi32(at, splat(coord))));
}
#endif

[[gnu::always_inline]] inline void store_coords(uint8_t* p, i32x at, simd::Full) { store_coords(p, at); }
[[gnu::always_inline]] inline void store_coords(uint8_t* p, i32x at, int count) {
  uint8_t lanes[kLanes];
  store_coords(lanes, at);
  std::memcpy(p, lanes, std::size_t(count));
}
[[gnu::always_inline]] inline f32x where(const uint8_t* p, int coord, f32x v, simd::Full) { return where(p, coord, v); }
[[gnu::always_inline]] inline f32x where(const uint8_t* p, int coord, f32x v, int count) {
  uint8_t lanes[kLanes] = {};
  std::memcpy(lanes, p, std::size_t(count));
  return where(lanes, coord, v);
}

void check(const MaxPoolShape& s) {
  if (s.kernel_size < 1 || s.kernel_size > 15 || s.stride < 1 || s.pad < 0 || s.pad > s.kernel_size / 2 || s.p() < 1 ||
      s.q() < 1)
    fail_shape("max_pool: window " + std::to_string(s.kernel_size) + ", stride " + std::to_string(s.stride) + ", pad " +
               std::to_string(s.pad) + " do not fit a picture of " + std::to_string(s.h) + "x" + std::to_string(s.w));
}

// Rows of `row_elements` per block: about 2048 elements.
int64_t grain(int64_t row_elements) { return std::max<int64_t>(1, 2048 / row_elements); }

// One output pixel; r and s run over the part of the window that lies inside the picture.
struct Window {
  int r0, r1, s0, s1;
};

// corner: where r = s = 0 would lie, perhaps outside; only places inside are read.
template <class T, class Lanes>
[[gnu::always_inline]] inline void pool_lanes(const MaxPoolShape& s, const T* corner, const Window& in, Lanes lanes,
                                              T* y, uint8_t* index) {
  const int first = in.r0 * s.kernel_size + in.s0;
  i32x at = splat(first);
  f32x best = simd::load(corner + (int64_t(in.r0) * s.w + in.s0) * s.c, lanes);
  for (int r = in.r0; r < in.r1; ++r)
    for (int i = in.s0; i < in.s1; ++i)
      take_larger(simd::load(corner + (int64_t(r) * s.w + i) * s.c, lanes), r * s.kernel_size + i, best, at);
  simd::store(y, best, lanes);
  if (index) store_coords(index, at, lanes);
}

template <class T>
void pool(const MaxPoolShape& shape, const T* x, T* y, uint8_t* index) {
  const int p_count = shape.p(), q_count = shape.q();
  parallel_for(int64_t(shape.n) * p_count, grain(int64_t(q_count) * shape.c), [=](int64_t begin, int64_t end) {
    const MaxPoolShape s = shape;  // out of memory: a store through a vector may change any of that
    for (int64_t row = begin; row < end; ++row) {
      const int h = int(row % p_count) * s.stride - s.pad;
      const T* picture = x + row / p_count * s.h * s.w * s.c;
      for (int q = 0; q < q_count; ++q) {
        const int w = q * s.stride - s.pad;
        const Window in{.r0 = std::max(0, -h),
                        .r1 = std::min(s.kernel_size, s.h - h),
                        .s0 = std::max(0, -w),
                        .s1 = std::min(s.kernel_size, s.w - w)};
        const int64_t corner = (int64_t(h) * s.w + w) * s.c, out = (row * q_count + q) * s.c;
        simd::for_lanes(0, s.c, [&](int64_t c, auto lanes) {
          pool_lanes(s, picture + corner + c, in, lanes, y + out + c, index ? index + out + c : nullptr);
        });
      }
    }
  });
}

// One input place in one window: the number it has there, and where that window's output lies.
struct Source {
  int coord;
  int64_t output;
};

// All windows that contain (h, w), in row-major order: p with 0 <= h + pad - p * stride < kernel_size, q alike. At most 15
// x 15.
int list_sources(const MaxPoolShape& s, int h, int w, Source* list) {
  const auto first = [&](int at) {
    return at + s.pad < s.kernel_size ? 0 : (at + s.pad - s.kernel_size) / s.stride + 1;
  };
  const int p_end = std::min(s.p() - 1, (h + s.pad) / s.stride), q_end = std::min(s.q() - 1, (w + s.pad) / s.stride);
  int count = 0;
  for (int p = first(h); p <= p_end; ++p)
    for (int q = first(w); q <= q_end; ++q)
      list[count++] = {.coord = (h + s.pad - p * s.stride) * s.kernel_size + (w + s.pad - q * s.stride),
                       .output = (int64_t(p) * s.q() + q) * s.c};
  return count;
}

// One input pixel: it gathers from its windows, so no two threads write one element.
template <class T>
void gather_pixel(const Source* sources, int count, int channels, const T* dy, const uint8_t* index, T* dx) {
  simd::for_lanes(0, channels, [&](int64_t c, auto lanes) {
    f32x sum = {};
    for (const Source* from = sources; from != sources + count; ++from) {
      const int64_t at = from->output + c;
      sum += where(index + at, from->coord, simd::load(dy + at, lanes), lanes);
    }
    simd::store(dx + c, sum, lanes);
  });
}

template <class T>
void gather(const MaxPoolShape& s, const T* dy, const uint8_t* index, T* dx) {
  const int64_t y_picture = int64_t(s.p()) * s.q() * s.c;
  parallel_for(int64_t(s.n) * s.h, grain(int64_t(s.w) * s.c), [&](int64_t begin, int64_t end) {
    Source sources[15 * 15];
    for (int64_t row = begin; row < end; ++row) {
      const int64_t picture = row / s.h * y_picture;
      for (int w = 0; w < s.w; ++w) {
        const int count = list_sources(s, int(row % s.h), w, sources);
        gather_pixel(sources, count, s.c, dy + picture, index + picture, dx + (row * s.w + w) * s.c);
      }
    }
  });
}

void forward(const MaxPoolShape& shape, DType dtype, const void* x, void* y, uint8_t* index) {
  check(shape);
  if (dtype == DType::f32) return pool(shape, static_cast<const float*>(x), static_cast<float*>(y), index);
  if (dtype == DType::bf16) return pool(shape, static_cast<const bf16*>(x), static_cast<bf16*>(y), index);
  fail_cpu_dtype("max_pool: x", dtype);
}

void backward(const MaxPoolShape& shape, DType dtype, const void* dy, const uint8_t* index, void* dx) {
  check(shape);
  if (dtype == DType::f32) return gather(shape, static_cast<const float*>(dy), index, static_cast<float*>(dx));
  if (dtype == DType::bf16) return gather(shape, static_cast<const bf16*>(dy), index, static_cast<bf16*>(dx));
  fail_cpu_dtype("max_pool: dy", dtype);
}

}  // namespace

const MaxPoolKernels max_pool_cpu{.forward = forward, .backward = backward};

}  // namespace pc
