// The weight gradient of conv2d on the CPU: register tiles of dw, each summed by one thread over all pixels in order.
#include <algorithm>
#include <array>
#include <vector>

#include "kernels/base/math.h"
#include "kernels/base/parallel.h"
#include "kernels/conv2d/conv2d_simd.h"
#include "kernels/conv2d/conv2d_weight.h"

namespace pc::conv2d::PC_VARIANT {
namespace {

// Where one filter tap meets the images of a block: offsets into the two operands, in floats, for every pixel that it
// reaches.
struct Pixel {
  int32_t a, b;
};

// Where a tile goes: M rows of `columns` <= kBlock numbers. `add` to what is there or overwrite it.
struct Coord {
  float* dw;
  int64_t row_step, column_step;
  int columns;
  bool add;
};

constexpr int kPitch = row_pitch(kTile);
constexpr int kAhead = 16;  // pixels: slices stream from L2, ask for them early

// coord.dw[m][o] (+)= sum over pixels of a[m] * b[o]
template <int M, bool Pairs>
void tile(const float* a, const float* b, const Pixel* pixels, int64_t count, const Coord& coord) {
  f32x acc[M][2] = {};
  for (const Pixel *p = pixels, *end = pixels + count; p < end; ++p) {
    const f32x b0 = load(b + p->b), b1 = load(b + p->b + kLanes);
    const float* row = a + p->a;
    __builtin_prefetch(row + kAhead * kPitch);
    __builtin_prefetch(b + p->b + kAhead * kBlock);
    __builtin_prefetch(b + p->b + kAhead * kBlock + kLanes);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      acc[m][0] = multiply_add<Pairs>(acc[m][0], row + m, b0);
      acc[m][1] = multiply_add<Pairs>(acc[m][1], row + m, b1);
    }
  }
  alignas(64) float sums[M * kBlock];
#pragma GCC unroll 16  // in full, or GCC keeps the sums in memory all the time
  for (int m = 0; m < M; ++m) store(sums + m * kBlock, acc[m][0]), store(sums + m * kBlock + kLanes, acc[m][1]);
  for (int m = 0; m < M; ++m) {
    float* row = coord.dw + m * coord.row_step;
    if (coord.column_step == 1) {
      for (int o = 0; o < coord.columns; ++o) row[o] = sums[m * kBlock + o] + (coord.add ? row[o] : 0.0f);
    } else {
      for (int o = 0; o < coord.columns; ++o) {
        float& to = row[o * coord.column_step];
        to = sums[m * kBlock + o] + (coord.add ? to : 0.0f);
      }
    }
  }
}

using TileFunction = void (*)(const float*, const float*, const Pixel*, int64_t, const Coord&);

template <bool Pairs, std::size_t... M>
constexpr std::array<TileFunction, sizeof...(M)> make_tiles(std::index_sequence<M...>) {
  return {tile<int(M) + 1, Pairs>...};
}
constexpr std::array kTiles{make_tiles<false>(std::make_index_sequence<kRows>()),
                            make_tiles<kPairs>(std::make_index_sequence<kRows>())};  // by pairs, rows - 1

// `count` packed elements: the numbers at low themselves, or with those at high, which lie at the same point of the next
// image (null: zeros).
template <bool Pairs, class T>
void copy_packed(const T* low, const T* high, int count, float* to) {
  if constexpr (!Pairs) {
    for (int c = 0; c < count; ++c) to[c] = float(low[c]);
  } else if (high) {
    for (int c = 0; c < count; ++c) to[c] = pack_pair(low[c], high[c]);
  } else {
    for (int c = 0; c < count; ++c) to[c] = pack_pair(low[c], T(0.0f));
  }
}

// All slices of `images` images, two of them in one packed element with Pairs.
template <bool Pairs, class T>
Buffer sliced(const WeightSide& side, const T* from, int images, int64_t pixels) {
  Buffer out(Device::cpu, std::size_t(side.size * side.count) * sizeof(float));
  const int64_t image = pixels * side.step, elements = Pairs ? ceil_div(images, 2) : images,
                runs = ceil_div(pixels, 32);
  parallel_for(elements * runs, 1, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      const int64_t n = j / runs * (1 + Pairs), first = j % runs * 32, last = std::min(pixels, first + 32);
      const T *low = from + n * image, *high = n + 1 < images ? low + image : nullptr;
      for (int i = 0; i < side.count; ++i) {
        const int c = side.begin(i), width = side.begin(i + 1) - c;
        float* to = out.as<float>() + i * side.size + (j / runs * pixels + first) * side.pitch;
        for (int64_t p = first; p < last; ++p, to += side.pitch) {
          const int64_t at = p * side.step + c;
          copy_packed<Pairs>(low + at, high ? high + at : nullptr, width, to);
          std::fill(to + width, to + side.pitch, 0.0f);
        }
      }
    }
  });
  return out;
}

Buffer sliced(const WeightSide& side, DType dtype, const void* from, int images, int64_t pixels) {
  if (dtype == DType::f32) return sliced<false>(side, static_cast<const float*>(from), images, pixels);
  return sliced<kPairs>(side, static_cast<const bf16*>(from), images, pixels);
}

// By tap; sorted by image, so that fewer images are a beginning of the list.
std::vector<std::vector<Pixel>> pixels_of(const Conv2dShape& s, const WeightPlan& plan) {
  std::vector<std::vector<Pixel>> lists;
  for (int r = 0; r < plan.taps_h; ++r)
    for (int t = 0; t < plan.taps_w; ++t) {
      auto& list = lists.emplace_back();
      for (int n = 0; n < plan.block; ++n)
        for (int p = 0; p < s.p(); ++p) {
          const int h = p * s.stride + r - s.pad.top;
          if (h < 0 || h >= s.h) continue;
          for (int q = 0; q < s.q(); ++q) {
            const int w = q * s.stride + t - plan.left;
            if (w < 0 || w >= plan.width) continue;
            const int x = ((n * s.h + h) * plan.width + w) * plan.x.pitch,
                      dy = ((n * s.p() + p) * s.q() + q) * plan.dy.pitch;
            list.push_back(plan.fold ? Pixel{x, dy} : Pixel{dy, x});
          }
        }
    }
  return lists;
}

// What the `images` of a chunk contribute. A thread takes its tiles through all blocks, alone.
void add_chunk(const WeightPlan& plan, const std::vector<std::vector<Pixel>>& lists, int images, const float* x,
               const float* dy, bool add, float* dw) {
  const WeightSide &rows = plan.fold ? plan.x : plan.dy, &columns = plan.fold ? plan.dy : plan.x;
  const float *a = plan.fold ? x : dy, *b = plan.fold ? dy : x;
  const int64_t a_image = plan.fold ? plan.x_image : plan.dy_image, b_image = plan.fold ? plan.dy_image : plan.x_image;
  const int64_t taps = int64_t(lists.size()), filter = taps * plan.x.channels,
                tiles = taps * rows.count * columns.count;
  const int64_t row_step = plan.fold ? 1 : filter, column_step = plan.fold ? filter : 1;
  parallel_for(tiles, ceil_div(tiles, thread_count()), [&](int64_t begin, int64_t end) {
    for (int first = 0; first < images; first += plan.block) {
      const int count = std::min(plan.block, images - first);
      // Taps innermost: they share a slice of x and one of dy, which stay in the cache.
      for (int64_t i = begin; i < end; ++i) {
        const int64_t tap = i % taps, row = i / taps % rows.count, column = i / taps / rows.count;
        const int m = rows.begin(row), o = columns.begin(column), height = rows.begin(row + 1) - m;
        const Coord coord{dw + tap * plan.x.channels + m * row_step + o * column_step, row_step, column_step,
                          columns.begin(column + 1) - o, add || first > 0};
        const auto& list = lists[std::size_t(tap)];
        // What is not sliced has all channels in a pixel: a tile begins at its channel.
        kTiles[plan.pairs][std::size_t(height - 1)](a + first * a_image + (plan.fold ? m : row * rows.size),
                                                    b + first * b_image + (plan.dy_as_is ? o : column * columns.size),
                                                    list.data(), int64_t(list.size()) * count / plan.block, coord);
      }
    }
  });
}

Buffer prepare_x(const Conv2dShape& s, const WeightPlan& plan, DType dtype, const void* x, int images) {
  if (!plan.fold) return sliced(plan.x, dtype, x, images, int64_t(s.h) * s.w);
  Buffer padded = padded_copy({images, s.h, s.w, s.group_c(), s.c}, dtype, x, plan.pairs ? DType::bf16 : DType::f32,
                              {s.pad.left, s.pad.right}, s.group_c());
  if (!plan.pairs) return padded;
  const int64_t pixels = int64_t(s.h) * plan.width;
  return sliced({.channels = s.group_c(), .count = 1, .pitch = s.group_c(), .size = plan.x.size, .step = s.group_c()},
                dtype, padded.data(), images, pixels);
}

}  // namespace

void weight_gradient(const Conv2dShape& s, DType dtype, const void* x, const void* dy, float* dw) {
  const WeightPlan plan = weight_plan(s, dtype, kTile);
  const int64_t x_image = int64_t(s.h) * s.w * s.c, dy_pixels = int64_t(s.p()) * s.q();
  const auto lists = pixels_of(s, plan);
  const int chunk = plan.chunk * (plan.pairs ? 2 : 1);
  for (int n = 0; n < s.n; n += chunk) {
    const int images = std::min(chunk, s.n - n);
    const char* x_chunk = static_cast<const char*>(x) + std::size_t(n * x_image) * size_of(dtype);
    const char* dy_chunk = static_cast<const char*>(dy) + std::size_t(n * dy_pixels * s.k) * size_of(dtype);
    const Buffer own_x = prepare_x(s, plan, dtype, x_chunk, images);
    const Buffer own_dy = plan.dy_as_is ? Buffer() : sliced(plan.dy, dtype, dy_chunk, images, dy_pixels);
    add_chunk(plan, lists, plan.pairs ? (images + 1) / 2 : images, own_x.as<float>(),
              plan.dy_as_is ? reinterpret_cast<const float*>(dy_chunk) : own_dy.as<float>(), n > 0, dw);
  }
}

}  // namespace pc::conv2d::PC_VARIANT
