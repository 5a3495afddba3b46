// The product that y and dx of conv2d come from: register tiles over pixels that the same filter taps reach.
#include <algorithm>
#include <array>
#include <utility>

#include "kernels/base/parallel.h"
#include "kernels/conv2d/conv2d_simd.h"

namespace pc::conv2d::PC_VARIANT {
namespace {

constexpr int64_t kAhead = 64 * kBlock;  // a panel streams from L2, or with one image from memory: ask for it early

// acc[m] += sum over taps and c of rows[m][tap.offset + c] * panel[tap.weight + c], the kBlock numbers there
template <int M, bool Pairs>
[[gnu::always_inline]] inline void add_products(const float* const* rows, const GatherTap* taps, int count,
                                                int channels, const float* panel, f32x (&acc)[M][2]) {
  const float* row[M];
  for (int m = 0; m < M; ++m) row[m] = rows[m];
  for (const GatherTap* tap = taps; tap != taps + count; ++tap) {
    const float* b = panel + tap->weight * kBlock;
    for (int64_t i = tap->offset, end = tap->offset + channels; i < end; ++i, b += kBlock) {
      const f32x b0 = load(b), b1 = load(b + kLanes);
      __builtin_prefetch(b + kAhead);
      __builtin_prefetch(b + kAhead + kLanes);
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
        acc[m][0] = multiply_add<Pairs>(acc[m][0], row[m] + i, b0);
        acc[m][1] = multiply_add<Pairs>(acc[m][1], row[m] + i, b1);
      }
    }
  }
}

// All taps: sums[m][kBlock] = the products.
template <int M, bool Pairs>
void tile(const float* const* rows, const GatherTap* taps, int count, int channels, const float* panel, float* sums) {
  f32x acc[M][2] = {};
  add_products<M, Pairs>(rows, taps, count, channels, panel, acc);
  for (int m = 0; m < M; ++m) store(sums + m * kBlock, acc[m][0]), store(sums + m * kBlock + kLanes, acc[m][1]);
}

// One tap: sums[m][kBlock] += the products.
template <int M, bool Pairs>
void tap_tile(const float* const* rows, const GatherTap& tap, int channels, const float* panel, float* const* sums) {
  f32x acc[M][2];
  for (int m = 0; m < M; ++m) acc[m][0] = load(sums[m]), acc[m][1] = load(sums[m] + kLanes);
  add_products<M, Pairs>(rows, &tap, 1, channels, panel, acc);
  for (int m = 0; m < M; ++m) store(sums[m], acc[m][0]), store(sums[m] + kLanes, acc[m][1]);
}

using TileFunction = void (*)(const float* const*, const GatherTap*, int, int, const float*, float*);
using TapTileFunction = void (*)(const float* const*, const GatherTap&, int, const float*, float* const*);

template <bool Pairs, std::size_t... M>
constexpr std::array<TileFunction, sizeof...(M)> make_tiles(std::index_sequence<M...>) {
  return {tile<int(M) + 1, Pairs>...};
}
template <bool Pairs, std::size_t... M>
constexpr std::array<TapTileFunction, sizeof...(M)> make_tap_tiles(std::index_sequence<M...>) {
  return {tap_tile<int(M) + 1, Pairs>...};
}
// By pairs, rows - 1.
constexpr auto kHeights = std::make_index_sequence<kRows>();
constexpr std::array kTiles{make_tiles<false>(kHeights), make_tiles<kPairs>(kHeights)};
constexpr std::array kTapTiles{make_tap_tiles<false>(kHeights), make_tap_tiles<kPairs>(kHeights)};

// In place; apart from finish(), which is to stay small.
[[gnu::noinline]] void activate(Activation activation, int count, float* v) {
  simd::for_lanes(0, count,
                  [=](int64_t o, auto lanes) { store(v + o, simd::activate(load(v + o, lanes), activation), lanes); });
}

// Stores the sums of one pixel; Count, unless 0, tells the compiler how many.
template <int Count, class T>
void finish(const float* sums, const Epilogue& e, int first, int count, const T* residual, T* out) {
  if (Count) count = Count;
  float v[kBlock];
  if (e.bias) {
    for (int o = 0; o < count; ++o) v[o] = sums[o] + e.bias[first + o];
  } else {
    for (int o = 0; o < count; ++o) v[o] = sums[o];
  }
  if (residual)
    for (int o = 0; o < count; ++o) v[o] += float(residual[o]);
  if (e.activation == Activation::relu)
    for (int o = 0; o < count; ++o) v[o] = v[o] < 0.0f ? 0.0f : v[o];
  else if (e.activation != Activation::none)
    activate(e.activation, count, v);
  for (int o = 0; o < count; ++o) out[o] = T(v[o]);
}

template <class T>
void finish_pixel(const float* sums, const Epilogue& e, int first, int count, int64_t at, T* out) {
  const T* residual = static_cast<const T*>(e.residual);
  const auto store_row = count == kBlock ? finish<kBlock, T> : finish<0, T>;
  store_row(sums, e, first, count, residual ? residual + at : nullptr, out + at);
}

// The pixels of a tile.
std::pair<int64_t, int64_t> range_of(const PixelGroup& group, int64_t tile) {
  return {group.pixels * tile / group.tiles, group.pixels * (tile + 1) / group.tiles};
}
int height_of(const PixelGroup& group, int64_t tile) {
  const auto [begin, end] = range_of(group, tile);
  return int(end - begin);
}

// Calls f(row of the tile, where its input begins, its pixel of the result) for every pixel of a tile.
template <class F>
void for_rows(const GatherPlan& plan, const PixelGroup& group, int64_t tile, F f) {
  const Gather& g = plan.gather;
  const auto [begin, end] = range_of(group, tile);
  const int64_t per_image = int64_t(group.coords.size());
  int64_t image = begin / per_image, within = begin % per_image;
  for (int64_t p = begin; p < end; ++p) {
    const GatherCoord& coord = group.coords[std::size_t(within)];
    f(p - begin, image * g.image_step + coord.in, image * g.out_h * g.out_w + coord.out);
    if (++within == per_image) within = 0, ++image;
  }
}

template <class T>
void compute(const GatherPlan& plan, const PixelGroup& group, int64_t tile, int block, const float* in,
             const float* panel, const Epilogue& epilogue, T* out) {
  const Gather& g = plan.gather;
  const int height = height_of(group, tile), first = block * kBlock, count = std::min(kBlock, g.channels_out - first);
  const float* rows[kRows] = {};
  int64_t at[kRows] = {};
  for_rows(plan, group, tile, [&](int64_t m, int64_t input, int64_t pixel) {
    rows[m] = in + input;
    at[m] = pixel * g.out_step + first;
  });
  // The last tap reaches the part of the input that no tile before has brought into the cache; the results are new too.
  const int64_t last = group.taps.empty() ? 0 : group.taps.back().offset;
  for (int m = 0; m < height; ++m) {
    for (int c = 0; c < g.channels_in; c += kLine) __builtin_prefetch(rows[m] + last + c, 0, 2);
    for (int o = 0; o < count; o += 64 / int(sizeof(T))) __builtin_prefetch(out + at[m] + o, 1);
  }
  alignas(64) float sums[kRows * kBlock];
  kTiles[g.pairs][std::size_t(height - 1)](rows, group.taps.data(), int(group.taps.size()), g.channels_in, panel, sums);
  for (int m = 0; m < height; ++m) finish_pixel(sums + m * kBlock, epilogue, first, count, at[m], out);
}

template <class T>
void run_by_pixels(const GatherPlan& plan, const float* in, const Panels& panels, const Epilogue& epilogue, T* out) {
  const int64_t tiles = plan.groups.back().first_tile + plan.groups.back().tiles;
  const int64_t blocks = plan.blocks, size = plan.panel_size;
  const auto walk = [&](int64_t tile, int64_t end, int64_t block, const float* panel) {
    auto group = plan.groups.begin();
    for (; tile < end; ++tile) {
      while (tile >= group->first_tile + group->tiles) ++group;
      compute(plan, *group, tile - group->first_tile, int(block), in, panel, epilogue, out);
    }
  };
  if (!panels.ready && plan.panel_outer && blocks >= 4 * thread_count()) {
    const Buffer own(Device::cpu, std::size_t(size * thread_count()) * sizeof(float));
    return parallel_each(blocks, [&](int64_t block, int worker) {
      float* panel = own.as<float>() + size * worker;
      panels.make(block, panel);
      walk(0, tiles, block, panel);
    });
  }
  Buffer own;
  if (!panels.ready) own = make_all(panels, blocks, size);
  const float* all = panels.ready ? panels.ready : own.as<float>();
  const int64_t grain = std::clamp<int64_t>(tiles * blocks / (thread_count() * 8), 1, 64),
                chunks = (tiles + grain - 1) / grain;
  parallel_each(chunks * blocks, [&](int64_t i, int) {
    const int64_t block = plan.panel_outer ? i / chunks : i % blocks,
                  chunk = plan.panel_outer ? i % chunks : i / blocks;
    walk(chunk * grain, std::min(tiles, (chunk + 1) * grain), block, all + block * size);
  });
}

// --- One image with small maps: most pixels are at a border, and groups of them are too small for a tile. ---

// Adds what one tap gives to the pixels that it reaches.
void add_tap(const GatherPlan& plan, const PixelGroup& group, const float* in, const float* panel, float* sums) {
  const Gather& g = plan.gather;
  for (int64_t tile = 0; tile < group.tiles; ++tile) {
    const float* rows[kRows] = {};
    float* to[kRows] = {};
    for_rows(plan, group, tile, [&](int64_t m, int64_t input, int64_t pixel) {
      rows[m] = in + input;
      to[m] = sums + pixel * kBlock;
    });
    kTapTiles[g.pairs][std::size_t(height_of(group, tile) - 1)](rows, group.taps.front(), g.channels_in, panel, to);
  }
}

template <class T>
void run_by_taps(const GatherPlan& plan, const float* in, const Panels& panels, const Epilogue& epilogue, T* out) {
  const Gather& g = plan.gather;
  const int64_t pixels = int64_t(g.n) * g.out_h * g.out_w, size = plan.panel_size;
  Buffer own;
  if (!panels.ready) own = make_all(panels, plan.blocks, size);
  const float* all = panels.ready ? panels.ready : own.as<float>();
  const Buffer scratch(Device::cpu, std::size_t(pixels * kBlock * thread_count()) * sizeof(float));
  parallel_each(plan.blocks, [&](int64_t block, int worker) {
    float* sums = scratch.as<float>() + pixels * kBlock * worker;
    std::fill_n(sums, pixels * kBlock, 0.0f);
    for (const PixelGroup& group : plan.groups) add_tap(plan, group, in, all + block * size, sums);
    const int first = int(block) * kBlock, count = std::min(kBlock, g.channels_out - first);
    for (int64_t pixel = 0; pixel < pixels; ++pixel)
      finish_pixel(sums + pixel * kBlock, epilogue, first, count, pixel * g.out_step + first, out);
  });
}

template <class T>
void run_typed(const GatherPlan& plan, const float* in, const Panels& panels, const Epilogue& epilogue, T* out) {
  const auto way = plan.by_taps ? run_by_taps<T> : run_by_pixels<T>;
  way(plan, in, panels, epilogue, out);
}

}  // namespace

void multiply(const float* const* rows, int height, int channels, const float* panel, float* sums) {
  const GatherTap all{.offset = 0, .weight = 0};
  kTiles[false][std::size_t(height - 1)](rows, &all, 1, channels, panel, sums);
}

void run(const GatherPlan& plan, const float* in, const Panels& panels, const Epilogue& epilogue, DType out_type,
         void* out) {
  if (out_type == DType::f32) return run_typed(plan, in, panels, epilogue, static_cast<float*>(out));
  run_typed(plan, in, panels, epilogue, static_cast<bf16*>(out));
}

}  // namespace pc::conv2d::PC_VARIANT
