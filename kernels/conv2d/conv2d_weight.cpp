#include "kernels/conv2d/conv2d_weight.h"

#include <algorithm>

#include "kernels/base/math.h"

namespace pc::conv2d {

WeightPlan weight_plan(const Conv2dShape& s, DType dtype, const RegisterTile& tile) {
  WeightPlan plan{.fold = folds(s),
                  .pairs = tile.pairs && dtype == DType::bf16,
                  .taps_h = s.r,
                  .taps_w = s.s,
                  .left = s.pad.left,
                  .width = s.w};
  const int channels = plan.fold ? s.s * s.group_c() : s.group_c();
  const int x_tile = plan.fold ? tile.rows : tile.block, dy_tile = plan.fold ? tile.block : tile.rows;
  if (plan.fold) plan.taps_w = 1, plan.left = 0, plan.width = s.w + s.pad.width();
  plan.x = {channels, int(ceil_div(channels, x_tile)), plan.fold ? s.group_c() : tile.block, 0, s.c};
  plan.dy_as_is = plan.fold && dtype == DType::f32 && s.group_k() % tile.block == 0;
  plan.dy = {s.group_k(), int(ceil_div(s.group_k(), dy_tile)),
             plan.dy_as_is ? s.k
             : plan.fold   ? tile.block
                           : row_pitch(tile),
             0, s.k};
  plan.x_image = int64_t(s.h) * plan.width * plan.x.pitch;
  plan.dy_image = int64_t(s.p()) * s.q() * plan.dy.pitch;
  const int64_t all = plan.pairs ? (s.n + 1) / 2 : s.n,
                slices = (plan.x_image + plan.dy_image) * int64_t(sizeof(float));
  const int64_t copy =
      (plan.x_image * (plan.fold ? 1 : plan.x.count) + plan.dy_image * (plan.dy_as_is ? 0 : plan.dy.count)) *
      int64_t(sizeof(float));
  plan.block = int(std::clamp<int64_t>((512 << 10) / slices, 1, all));
  plan.chunk = int(std::clamp<int64_t>((16 << 20) / copy / plan.block, 1, ceil_div(all, plan.block))) * plan.block;
  plan.x.size = plan.chunk * plan.x_image;
  plan.dy.size = plan.chunk * plan.dy_image;
  return plan;
}

}  // namespace pc::conv2d
