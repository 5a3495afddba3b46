// Fills linear_cpu: small matrix products in tiles of 4 x 4 vectors. Every element is one sum in a fixed order, so
// threads cannot change its bits; the heads of a classifier are too small to gain from a library's packing.
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_tiles.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

using simd::f32x;
using simd::kLanes;

constexpr int kRows = kLinearRows, kVectors = kLinearVectors;

int64_t tiles(int64_t rows) { return (rows + kRows - 1) / kRows; }

// y[i][o] = dot(x[i], w[o]) + b[o] for Rows rows i and kRows outputs o from (row, out) on; the tile's part past the
// edge reads the last row again and is not written.
template <int Rows, class T>
void dot_tile(const LinearShape& s, const T* x, const T* w, const float* b, int row, int out, float* y) {
  const T *xs[Rows], *ws[kRows];
  for (int i = 0; i < Rows; ++i) xs[i] = x + int64_t(std::min(row + i, s.n - 1)) * s.in;
  for (int o = 0; o < kRows; ++o) ws[o] = w + int64_t(std::min(out + o, s.out - 1)) * s.in;
  f32x sum[Rows][kRows] = {};
  simd::for_lanes(0, s.in, [&](int64_t k, auto lanes) {
    f32x wk[kRows];
#pragma GCC unroll 4
    for (int o = 0; o < kRows; ++o) {
      wk[o] = simd::load(ws[o] + k, lanes);
      __builtin_prefetch(ws[o] + k + kRows * s.in);  // the next tile's: with one x, w comes from memory
    }
#pragma GCC unroll 4
    for (int i = 0; i < Rows; ++i) {
      const f32x xk = simd::load(xs[i] + k, lanes);
#pragma GCC unroll 4
      for (int o = 0; o < kRows; ++o) sum[i][o] += xk * wk[o];
    }
  });
#pragma GCC unroll 4  // constant bounds and indices, or the sums leave the registers
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
    for (int o = 0; o < kRows; ++o)
      if (row + i < s.n && out + o < s.out) y[int64_t(row + i) * s.out + out + o] = simd::sum(sum[i][o]) + b[out + o];
}

template <class T>
void forward_of(const LinearShape& s, const T* x, const T* w, const float* b, float* y) {
  const auto tile_of = s.n == 1 ? dot_tile<1, T> : dot_tile<kRows, T>;
  parallel_for(tiles(s.out), linear_grain(s.in, s.n), [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile)
      for (int row = 0; row < s.n; row += kRows) tile_of(s, x, w, b, row, int(tile) * kRows, y);
  });
}

// c[i, :] = sum over k of a(i, k) * b[k, :] for the rows i; a(i, k) lies at a + i * row_step + k * k_step.
struct Factor {
  const float* a;
  int64_t row_step, k_step;
};

template <int kWidth, class B, class C, class Lanes>
[[gnu::always_inline]] inline void product_tile(const Factor& f, int row, int rows, int inner, const B* b, int columns,
                                                int at, Lanes lanes, C* c) {
  const float* as[kRows];
  for (int i = 0; i < kRows; ++i) as[i] = f.a + std::min(row + i, rows - 1) * f.row_step;
  f32x sum[kRows][kWidth] = {};
  for (int64_t k = 0; k < inner; ++k) {
    f32x bk[kWidth];
    for (int v = 0; v < kWidth; ++v) bk[v] = simd::load(b + k * columns + at + v * kLanes, lanes);
    for (int i = 0; i < kRows; ++i)
      for (int v = 0; v < kWidth; ++v) sum[i][v] += simd::splat(as[i][k * f.k_step]) * bk[v];
  }
  for (int i = 0; i < kRows; ++i)  // constant bounds, or the sums leave the registers
    if (row + i < rows)
      for (int v = 0; v < kWidth; ++v) simd::store(c + int64_t(row + i) * columns + at + v * kLanes, sum[i][v], lanes);
}

template <class B, class C>
void product(const Factor& f, int rows, int inner, const B* b, int columns, C* c) {
  parallel_for(tiles(rows), linear_grain(inner, columns), [&](int64_t begin, int64_t end) {
    constexpr int kStep = kVectors * kLanes;
    const int full = columns / kStep * kStep;
    for (int row = int(begin) * kRows; row < std::min<int64_t>(rows, end * kRows); row += kRows) {
      for (int at = 0; at < full; at += kStep)
        product_tile<kVectors>(f, row, rows, inner, b, columns, at, simd::Full{}, c);
      simd::for_lanes(full, columns, [&](int64_t at, auto lanes) {
        product_tile<1>(f, row, rows, inner, b, columns, int(at), lanes, c);
      });
    }
  });
}

void forward(const LinearShape& s, DType dtype, const void* x, const void* w, const float* b, float* y) {
  if (dtype == DType::f32) return forward_of(s, static_cast<const float*>(x), static_cast<const float*>(w), b, y);
  if (dtype == DType::bf16) return forward_of(s, static_cast<const bf16*>(x), static_cast<const bf16*>(w), b, y);
  fail_cpu_dtype("linear: x", dtype);
}

void backward_data(const LinearShape& s, DType dtype, const float* dy, const void* w, void* dx) {
  const Factor rows{.a = dy, .row_step = s.out, .k_step = 1};
  if (dtype == DType::f32)
    return product(rows, s.n, s.out, static_cast<const float*>(w), s.in, static_cast<float*>(dx));
  if (dtype == DType::bf16) return product(rows, s.n, s.out, static_cast<const bf16*>(w), s.in, static_cast<bf16*>(dx));
  fail_cpu_dtype("linear: x", dtype);
}

void backward_weight(const LinearShape& s, DType dtype, const void* x, const float* dy, float* dw, float* db) {
  for (int o = 0; o < s.out; ++o) {
    double sum = 0;
    for (int64_t i = 0; i < s.n; ++i) sum += double(dy[i * s.out + o]);
    db[o] = float(sum);
  }
  const Factor columns{.a = dy, .row_step = 1, .k_step = s.out};
  if (dtype == DType::f32) return product(columns, s.out, s.n, static_cast<const float*>(x), s.in, dw);
  if (dtype == DType::bf16) return product(columns, s.out, s.n, static_cast<const bf16*>(x), s.in, dw);
  fail_cpu_dtype("linear: x", dtype);
}

}  // namespace

const LinearKernels linear_cpu{.forward = forward, .backward_data = backward_data, .backward_weight = backward_weight};

}  // namespace pc
