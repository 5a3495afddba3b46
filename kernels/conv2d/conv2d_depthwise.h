// The plan behind depthwise convolutions on the CPU: for every row of the result, tiles of pixels that the same filter
// taps reach.
//
// Integers only, so it is compiled once for every machine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/conv2d/conv2d_axis.h"
#include "kernels/conv2d/conv2d_gather.h"

namespace pc::conv2d {

constexpr int kDepthwiseTile = 8;  // pixels: a weight is read once for all of them

// out[n, i, j, c] = sum over the taps (r, s) that reach (i, j) of in[n, i', j', c] * filter[r, s, c], in the order r, s.
// Offsets are in elements.
struct DepthwisePlan {
  Conv2dShape shape;
  int channels, out_h, out_w;
  int in_step;  // pixels of the input, in both directions, from one of the result to the next
  int64_t in_row, in_image;
  std::vector<std::pair<int, int>> row_class;  // of every row of the result: its class, and its base row of the input
  Axis columns;
  std::vector<std::vector<GatherTap>> taps;  // by class of rows, class of columns

  int64_t rows() const { return int64_t(shape.n) * out_h; }
};
std::shared_ptr<const DepthwisePlan> depthwise_forward_plan(const Conv2dShape&);
std::shared_ptr<const DepthwisePlan> depthwise_backward_plan(const Conv2dShape&);

// Pixels of a row of the result.
struct DepthwiseTile {
  const std::vector<GatherTap>& taps;
  int64_t reach;                                    // the tap that lies last in the input
  int height;                                       // pixels, kDepthwiseTile at most
  int64_t in[kDepthwiseTile], out[kDepthwiseTile];  // where the base of each begins in the input, and where it lies
};

// Calls f(tile) for the tiles of the rows [begin, end), counted through all images.
template <class F>
void for_tiles(const DepthwisePlan& plan, int64_t begin, int64_t end, F f) {
  for (int64_t row = begin; row < end; ++row) {
    const auto [row_class, base] = plan.row_class[std::size_t(row % plan.out_h)];
    const int64_t in = row / plan.out_h * plan.in_image + base * plan.in_row, out = row * plan.out_w * plan.channels;
    for (std::size_t column_class = 0; column_class < plan.columns.size(); ++column_class) {
      const auto& points = plan.columns[column_class].points;
      const auto& taps = plan.taps[std::size_t(row_class) * plan.columns.size() + column_class];
      const int64_t reach = taps.empty() ? 0 : std::max(taps.front().offset, taps.back().offset);
      const int64_t count = int64_t(points.size()), tiles = (count + kDepthwiseTile - 1) / kDepthwiseTile;
      for (int64_t t = 0; t < tiles; ++t) {
        const int64_t first = count * t / tiles;
        DepthwiseTile tile{
            .taps = taps, .reach = reach, .height = int(count * (t + 1) / tiles - first), .in = {}, .out = {}};
        for (int m = 0; m < tile.height; ++m) {
          const auto [j, w] = points[std::size_t(first + m)];
          tile.in[m] = in + int64_t(w) * plan.channels;
          tile.out[m] = out + int64_t(j) * plan.channels;
        }
        f(tile);
      }
    }
  }
}

}  // namespace pc::conv2d
