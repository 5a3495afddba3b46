#include "kernels/conv2d/conv2d_gather.h"

#include <algorithm>
#include <utility>

#include "kernels/conv2d/conv2d_axis.h"

namespace pc::conv2d {
namespace {

// One for each class of rows and one of columns.
std::vector<PixelGroup> groups_of(const Gather& g, const Axis& row_axis, const Axis& column_axis) {
  std::vector<PixelGroup> groups;
  for (const AxisClass& rows : row_axis)
    for (const AxisClass& columns : column_axis) {
      PixelGroup group;
      for (auto [r, h] : rows.taps)
        for (auto [s, w] : columns.taps)
          group.taps.push_back({h * g.row_step + w * g.pixel_step, (int64_t(r) * g.taps_w + s) * g.channels_in});
      group.coords.reserve(rows.points.size() * columns.points.size());
      for (auto [i, h] : rows.points)
        for (auto [j, w] : columns.points)
          group.coords.push_back({h * g.row_step + w * g.pixel_step, int64_t(i) * g.out_w + j});
      groups.push_back(std::move(group));
    }
  return groups;
}

// The same pixels once for every tap that reaches them, in the order of the sums: r, s.
std::vector<PixelGroup> by_taps(const Gather& g, const std::vector<PixelGroup>& groups) {
  std::vector<PixelGroup> all(std::size_t(g.taps_h * g.taps_w));
  for (const PixelGroup& group : groups)
    for (const GatherTap& tap : group.taps) {
      PixelGroup& reached = all[std::size_t(tap.weight / g.channels_in)];
      reached.taps = {{.offset = 0, .weight = tap.weight}};
      for (const GatherCoord& coord : group.coords) reached.coords.push_back({coord.in + tap.offset, coord.out});
    }
  std::erase_if(all, [](const PixelGroup& group) { return group.taps.empty(); });
  return all;
}

// Cycles up to a factor: a tile of less than four rows waits for its own sums.
int64_t cost(int64_t pixels) { return std::max<int64_t>(4, pixels); }

bool taps_pay(const Gather& g, const std::vector<PixelGroup>& groups) {
  int64_t by_groups = 0, by_taps = 0;
  std::vector<int64_t> reached(std::size_t(g.taps_h * g.taps_w));
  for (const PixelGroup& group : groups) {
    const int64_t pixels = g.n * int64_t(group.coords.size());
    by_groups += cost(pixels) * int64_t(group.taps.size());
    for (const GatherTap& tap : group.taps) reached[std::size_t(tap.weight / g.channels_in)] += pixels;
  }
  for (const int64_t pixels : reached) by_taps += pixels > 0 ? cost(pixels) : 0;
  return by_taps * 20 < by_groups * 19;  // sums that wait in memory cost something too
}

GatherPlan plan(const Gather& g, const Axis& rows, const Axis& columns, const RegisterTile& tile) {
  GatherPlan plan{.gather = g, .groups = groups_of(g, rows, columns)};
  plan.blocks = (int64_t(g.channels_out) + tile.block - 1) / tile.block;
  plan.panel_size = int64_t(g.taps_h) * g.taps_w * g.channels_in * tile.block;
  plan.panel_outer = plan.panel_size * plan.blocks * int64_t(sizeof(float)) > (512 << 10);
  plan.by_taps = taps_pay(g, plan.groups);
  if (plan.by_taps) plan.groups = by_taps(g, plan.groups);
  int64_t tiles = 0;
  for (PixelGroup& group : plan.groups) {
    group.pixels = g.n * int64_t(group.coords.size());
    group.tiles = (group.pixels + tile.rows - 1) / tile.rows;
    group.first_tile = std::exchange(tiles, tiles + group.tiles);
  }
  return plan;
}

// Sets the steps, and says whether the input is copied: because it must be (bf16 as f32, zeros around, a run of pixels of
// one group) or because it pays. With channels in powers of two the rows of a tile lie in the same few sets of the cache, so the copy puts a line
// between pixels.
bool input_coord(Gather& g, const Images& x, DType dtype, const Border& border, bool fold) {
  const int per_element = g.pairs ? 2 : 1;
  const bool conflicts = x.step % (128 * per_element) == 0 && x.n > 1 && g.taps_h * g.taps_w > 1;
  const bool as_f32 = dtype == DType::bf16 && !g.pairs;
  const bool copied = conflicts || as_f32 || border.left > 0 || border.right > 0 || (fold && x.step != x.c);
  g.pixel_step = conflicts ? x.c + kLine * per_element : copied ? x.c : x.step;
  g.row_step = int64_t(x.w + border.left + border.right) * g.pixel_step;
  g.image_step = x.h * g.row_step;
  if (g.pairs) g.channels_in /= 2, g.pixel_step /= 2, g.row_step /= 2, g.image_step /= 2;
  return copied;
}

}  // namespace

bool folds(const Conv2dShape& s) { return s.group_c() < kLine && s.s > 1; }

bool use_pairs(const RegisterTile& tile, DType dtype, int channels) {
  return tile.pairs && dtype == DType::bf16 && channels % 2 == 0;
}

std::shared_ptr<const GatherRoute> forward_route(const Conv2dShape& s, DType dtype, const RegisterTile& tile) {
  const bool fold = folds(s);
  Gather g{.n = s.n,
           .out_h = s.p(),
           .out_w = s.q(),
           .channels_in = fold ? s.s * s.group_c() : s.group_c(),
           .channels_out = s.group_k(),
           .taps_h = s.r,
           .taps_w = fold ? 1 : s.s,
           .out_step = s.k,
           .pairs = use_pairs(tile, dtype, s.group_c())};
  const Images x{s.n, s.h, s.w, s.group_c(), s.c};
  const Border border = fold ? Border{s.pad.left, s.pad.right} : Border{};
  const bool copied = input_coord(g, x, dtype, border, fold);
  const Axis rows = forward_axis(s.p(), s.r, s.stride, s.pad.top, s.h);
  const Axis columns = fold ? forward_axis(s.q(), 1, s.stride, 0, s.w + s.pad.width())
                            : forward_axis(s.q(), s.s, s.stride, s.pad.left, s.w);
  return std::make_shared<const GatherRoute>(GatherRoute{s, x, dtype, border, copied, plan(g, rows, columns, tile)});
}

std::shared_ptr<const GatherRoute> backward_route(const Conv2dShape& s, DType dtype, const RegisterTile& tile) {
  Gather g{.n = s.n,
           .out_h = s.h,
           .out_w = s.w,
           .channels_in = s.group_k(),
           .channels_out = s.group_c(),
           .taps_h = s.r,
           .taps_w = s.s,
           .out_step = s.c,
           .pairs = use_pairs(tile, dtype, s.group_k())};
  const Images dy{s.n, s.p(), s.q(), s.group_k(), s.k};
  const bool copied = input_coord(g, dy, dtype, {}, false);
  const Axis rows = backward_axis(s.h, s.r, s.stride, s.pad.top, s.p());
  const Axis columns = backward_axis(s.w, s.s, s.stride, s.pad.left, s.q());
  return std::make_shared<const GatherRoute>(GatherRoute{s, dy, dtype, {}, copied, plan(g, rows, columns, tile)});
}

}  // namespace pc::conv2d
