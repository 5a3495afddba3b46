#include "kernels/conv2d/conv2d_depthwise.h"

#include <utility>

namespace pc::conv2d {
namespace {

struct Map {
  int h, w;
};

std::shared_ptr<const DepthwisePlan> make(const Conv2dShape& s, int in_step, const Map& in, const Map& out,
                                          const Axis& rows, Axis columns) {
  DepthwisePlan plan{.shape = s,
                     .channels = s.c,
                     .out_h = out.h,
                     .out_w = out.w,
                     .in_step = in_step,
                     .in_row = int64_t(in.w) * s.c,
                     .in_image = int64_t(in.h) * in.w * s.c,
                     .row_class = std::vector<std::pair<int, int>>(std::size_t(out.h)),
                     .columns = std::move(columns),
                     .taps = {}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const auto& [row, base] : rows[i].points) plan.row_class[std::size_t(row)] = {int(i), base};
    for (const AxisClass& column : plan.columns) {
      auto& taps = plan.taps.emplace_back();
      for (const auto& [r, h] : rows[i].taps)
        for (const auto& [t, w] : column.taps)
          taps.push_back({.offset = h * plan.in_row + int64_t(w) * s.c, .weight = (int64_t(r) * s.s + t) * s.c});
    }
  }
  return std::make_shared<const DepthwisePlan>(std::move(plan));
}

}  // namespace

std::shared_ptr<const DepthwisePlan> depthwise_forward_plan(const Conv2dShape& s) {
  return make(s, s.stride, {s.h, s.w}, {s.p(), s.q()}, forward_axis(s.p(), s.r, s.stride, s.pad.top, s.h),
              forward_axis(s.q(), s.s, s.stride, s.pad.left, s.w));
}

std::shared_ptr<const DepthwisePlan> depthwise_backward_plan(const Conv2dShape& s) {
  return make(s, 1, {s.p(), s.q()}, {s.h, s.w}, backward_axis(s.h, s.r, s.stride, s.pad.top, s.p()),
              backward_axis(s.w, s.s, s.stride, s.pad.left, s.q()));
}

}  // namespace pc::conv2d
