// The weight gradient of conv2d on the CPU: register tiles of dw, each summed by one thread over all pixels in order.
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/runtime/parallel.h"
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace pc::conv2d {
namespace {

// The first `count` (0 … kLanes) numbers of a vector.
#if defined(__AVX512F__)
struct Part {
  explicit Part(int count) : mask(__mmask16((1u << count) - 1)) {}
  Vec load(const float* p) const { return _mm512_maskz_loadu_ps(mask, p); }
  void store(float* p, Vec v) const { _mm512_mask_storeu_ps(p, mask, v); }
  __mmask16 mask;
};
#else
struct Part {
  explicit Part(int n) : count(n) {}
  Vec load(const float* p) const {
    if (count == kLanes) return conv2d::load(p);
    Vec v{};
    std::memcpy(&v, p, std::size_t(count) * sizeof(float));
    return v;
  }
  void store(float* p, Vec v) const { std::memcpy(p, &v, std::size_t(count) * sizeof(float)); }
  int count;
};
#endif

// Where one filter tap meets the images of a block: offsets of x and dy, in floats, for every pixel of y that it reaches.
struct Pixel {
  int32_t x, dy;
};

// dw[m][c] (+)= sum over pixels of dy[m] * x[c], for M rows that lie `step` apart and `columns` <= kBlock.
template <int M>
void tile(const float* x, const float* dy, const Pixel* pixels, int64_t count, int columns, bool first, int64_t step, float* dw) {
  const Part low(std::min(columns, kLanes)), high(std::max(columns - kLanes, 0));
  Vec acc[M][2] = {};
  if (!first)
    for (int m = 0; m < M; ++m) acc[m][0] = low.load(dw + m * step), acc[m][1] = high.load(dw + m * step + kLanes);
  for (const Pixel *p = pixels, *end = pixels + count; p < end; ++p) {
    const Vec b0 = low.load(x + p->x), b1 = high.load(x + p->x + kLanes);
    const float* g = dy + p->dy;
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const Vec a = broadcast(g[m]);
      acc[m][0] += a * b0, acc[m][1] += a * b1;
    }
  }
  for (int m = 0; m < M; ++m) low.store(dw + m * step, acc[m][0]), high.store(dw + m * step + kLanes, acc[m][1]);
}

using TileFunction = void (*)(const float*, const float*, const Pixel*, int64_t, int, bool, int64_t, float*);

template <std::size_t... M>
constexpr std::array<TileFunction, sizeof...(M)> make_tiles(std::index_sequence<M...>) {
  return {tile<int(M) + 1>...};
}
constexpr auto kTiles = make_tiles(std::make_index_sequence<kRows>());  // by rows - 1

// The problem with the filter's width folded into the channels where that pays; x then has a border left and right.
struct Problem {
  int taps_h, taps_w, channels, pad_w;
  int64_t row_step, pixel_step;
  int width;  // of x, border included
};

std::vector<std::vector<Pixel>> pixels_of(const Conv2dShape& s, const Problem& f, int images) {
  std::vector<std::vector<Pixel>> lists;
  for (int r = 0; r < f.taps_h; ++r)
    for (int t = 0; t < f.taps_w; ++t) {
      auto& list = lists.emplace_back();
      for (int n = 0; n < images; ++n)
        for (int p = 0; p < s.p(); ++p) {
          const int h = p * s.stride + r - s.pad;
          if (h < 0 || h >= s.h) continue;
          for (int q = 0; q < s.q(); ++q) {
            const int w = q * s.stride + t - f.pad_w;
            if (w < 0 || w >= f.width) continue;
            list.push_back({int32_t((int64_t(n) * s.h + h) * f.row_step + w * f.pixel_step),
                            int32_t(((int64_t(n) * s.p() + p) * s.q() + q) * s.k)});
          }
        }
    }
  return lists;
}

// Adds what `images` images contribute; x and dy start at the first of them.
void add_block(const Conv2dShape& s, const Problem& f, const std::vector<std::vector<Pixel>>& lists, const float* x, const float* dy,
               bool first, float* dw) {
  const int64_t taps = int64_t(lists.size()), blocks = (f.channels + kBlock - 1) / kBlock, heights = (s.k + kRows - 1) / kRows;
  const int64_t tiles = blocks * heights * taps, step = taps * f.channels;
  // Taps innermost: they share a slice of x and one of dy, which stay in the cache.
#pragma omp parallel for schedule(dynamic)
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t tap = i % taps, height = i / taps % heights, block = i / taps / heights;
    const int64_t k = s.k * height / heights, rows = s.k * (height + 1) / heights - k, c = block * kBlock;
    const auto& list = lists[std::size_t(tap)];
    kTiles[std::size_t(rows - 1)](x + c, dy + k, list.data(), int64_t(list.size()), int(std::min<int64_t>(kBlock, f.channels - c)), first,
                                  step, dw + k * step + tap * f.channels + c);
  }
}

}  // namespace

void weight_gradient(const Conv2dShape& s, DType dtype, const void* x, const void* dy, float* dw) {
  const bool fold = folds(s);
  const int border = fold ? s.pad : 0, width = s.w + 2 * border;
  const Problem f{.taps_h = s.r, .taps_w = fold ? 1 : s.s, .channels = fold ? s.s * s.c : s.c, .pad_w = fold ? 0 : s.pad,
                  .row_step = int64_t(width) * s.c, .pixel_step = s.c, .width = width};
  // Images at a time: the slices of x and dy that a tile walks over, a few cache lines per pixel, should stay in L2.
  const int64_t slice = (int64_t(s.h) * s.w + int64_t(s.p()) * s.q()) * 2 * 64;
  const int images = int(std::clamp<int64_t>((512 << 10) / slice, 1, s.n));
  const int64_t x_image = int64_t(s.h) * s.w * s.c, dy_image = int64_t(s.p()) * s.q() * s.k;
  std::vector<std::vector<Pixel>> lists;
  for (int n = 0; n < s.n; n += images) {
    const int count = std::min(images, s.n - n);
    if (n == 0 || count < images) lists = pixels_of(s, f, count);
    const char* x_block = static_cast<const char*>(x) + std::size_t(n * x_image) * size_of(dtype);
    const char* dy_block = static_cast<const char*>(dy) + std::size_t(n * dy_image) * size_of(dtype);
    Buffer wide_x, wide_dy;
    if (fold || dtype != DType::f32) wide_x = padded_copy(dtype, x_block, count, s.h, s.w, s.c, 0, border);
    if (dtype != DType::f32) wide_dy = padded_copy(dtype, dy_block, count, s.p(), s.q(), s.k, 0, 0);
    add_block(s, f, lists, wide_x.data() ? wide_x.as<float>() : reinterpret_cast<const float*>(x_block),
              wide_dy.data() ? wide_dy.as<float>() : reinterpret_cast<const float*>(dy_block), n == 0, dw);
  }
}

}  // namespace pc::conv2d
