// conv2d on the CPU: brings each direction to the gathered product or the weight gradient, and fills the table.
#include "kernels/conv2d/conv2d_simd.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/base/error.h"

namespace pc {
namespace conv2d {

std::string describe(const Conv2dShape& s, DType dtype) {
  const auto str = [](int v) { return std::to_string(v); };
  return "conv2d n=" + str(s.n) + " " + str(s.h) + "x" + str(s.w) + "x" + str(s.c) + " k=" + str(s.k) + " " + str(s.r) +
         "x" + str(s.s) + " stride " + str(s.stride) + " pad " + str(s.pad) + " " + name_of(dtype);
}

namespace {

// False for an empty batch: nothing to do.
bool check(const Conv2dShape& s, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16) fail_shape(describe(s, dtype) + ": the CPU has f32 and bf16 only");
  if (s.n < 0 || s.h < 1 || s.w < 1 || s.c < 1 || s.k < 1 || s.r < 1 || s.s < 1 || s.stride < 1 || s.pad < 0 ||
      s.x_channels() != s.c || s.h + 2 * s.pad < s.r || s.w + 2 * s.pad < s.s)
    fail_shape(describe(s, dtype) + ": these sizes do not make a convolution");
  return s.n > 0;
}

// A gather and what its input goes through before: a copy where that is needed or pays.
struct Route {
  Images images;
  DType dtype;
  int pad_w;  // columns of zeros to write left and right
  bool copied;
  GatherPlan plan;
};

// Two channels of bf16 at once where the CPU can and the channels are even.
bool use_pairs(DType dtype, int channels) { return kPairs && dtype == DType::bf16 && channels % 2 == 0; }

// The input is copied where that is needed (bf16 as f32, zeros around) or pays: with channels in powers of two the rows
// of a tile lie in the same few sets of the cache, so the copy puts a line between pixels.
Route route(Gather g, const Images& x, DType dtype, int pad_w = 0) {
  const int per_word = g.pairs ? 2 : 1;
  const bool conflicts = x.c % (128 * per_word) == 0 && x.n > 1 && g.taps_h * g.taps_w > 1;
  g.pixel_step = conflicts ? x.c + kLine * per_word : x.c;
  g.row_step = int64_t(x.w + 2 * pad_w) * g.pixel_step;
  g.image_step = x.h * g.row_step;
  if (g.pairs) g.channels_in /= 2, g.pixel_step /= 2, g.row_step /= 2, g.image_step /= 2;
  const bool widened = dtype == DType::bf16 && !g.pairs;
  return {x, dtype, pad_w, conflicts || widened || pad_w > 0, plan(std::move(g))};
}

void run(const Route& route, const void* x, const Panels& panels, const Epilogue& epilogue, void* out) {
  const bool pairs = route.plan.gather.pairs;
  Buffer copy;
  if (route.copied)
    copy = padded_copy(route.images, route.dtype, x, pairs ? DType::bf16 : DType::f32, route.pad_w,
                       int(route.plan.gather.pixel_step) * (pairs ? 2 : 1));
  run(route.plan, static_cast<const float*>(copy.data() ? copy.data() : x), panels, epilogue, route.dtype, out);
}

Route forward_route(const Conv2dShape& s, DType dtype) {
  Gather g{.n = s.n,
           .out_h = s.p(),
           .out_w = s.q(),
           .channels_in = s.c,
           .channels_out = s.k,
           .taps_h = s.r,
           .taps_w = s.s,
           .rows = forward_axis(s.p(), s.r, s.stride, s.pad, s.h),
           .columns = forward_axis(s.q(), s.s, s.stride, s.pad, s.w)};
  if (folds(s)) {
    g.channels_in = s.s * s.c, g.taps_w = 1;
    g.columns = forward_axis(s.q(), 1, s.stride, 0, s.w + 2 * s.pad);
  }
  g.pairs = use_pairs(dtype, s.c);
  return route(std::move(g), {s.n, s.h, s.w, s.c}, dtype, folds(s) ? s.pad : 0);
}

Route backward_route(const Conv2dShape& s, DType dtype) {
  Gather g{.n = s.n,
           .out_h = s.h,
           .out_w = s.w,
           .channels_in = s.k,
           .channels_out = s.c,
           .taps_h = s.r,
           .taps_w = s.s,
           .rows = backward_axis(s.h, s.r, s.stride, s.pad, s.p()),
           .columns = backward_axis(s.w, s.s, s.stride, s.pad, s.q()),
           .pairs = use_pairs(dtype, s.k)};
  return route(std::move(g), {s.n, s.p(), s.q(), s.k}, dtype);
}

void forward(const Conv2dShape& s, DType dtype, const void* x, const void* w, void* y) {
  if (!check(s, dtype)) return;
  run(forward_route(s, dtype), x, forward_panels(s, dtype, use_pairs(dtype, s.c), w), {}, y);
}

void backward_data(const Conv2dShape& s, DType dtype, const void* dy, const void* w, bool add, void* dx) {
  if (!check(s, dtype)) return;
  run(backward_route(s, dtype), dy, backward_panels(s, dtype, use_pairs(dtype, s.k), w),
      {.residual = add ? dx : nullptr}, dx);
}

void backward_weight(const Conv2dShape& s, DType dtype, const void* x, const void* dy, float* dw) {
  if (!check(s, dtype)) return void(std::fill_n(dw, std::size_t(s.k) * s.r * s.s * s.c, 0.0f));
  weight_gradient(s, dtype, x, dy, dw);
}

void backward(const Conv2dShape& s, DType dtype, const Conv2dBackward& a) {
  backward_data(s, dtype, a.dy, a.w, a.add, a.dx);
  backward_weight(s, dtype, a.x, a.dy, a.dw);
}

class CpuFilter : public PackedFilter {
 public:
  CpuFilter(const Conv2dShape& s, DType t, const float* w, const float* b)
      : dtype(t), winograd_tile(t == DType::f32 ? winograd_outputs(s) : 0) {
    if (b) bias.assign(b, b + s.k);
    const bool pairs = use_pairs(t, s.c);
    const int64_t blocks = (s.k + kBlock - 1) / kBlock, elements = int64_t(s.r) * s.s * s.c / (pairs ? 2 : 1);
    panels = winograd_tile ? winograd_panels(winograd_tile, s, w)
                           : make_all(forward_panels(s, DType::f32, pairs, w), blocks, elements * kBlock);
  }

  // Of the shape that came last: a small one is as quickly computed as planned.
  std::shared_ptr<const Route> route(const Conv2dShape& s) {
    auto last = last_.load();
    if (!last || last->first != s)
      last_ = last = std::make_shared<const std::pair<Conv2dShape, Route>>(s, forward_route(s, dtype));
    return {last, &last->second};
  }

  DType dtype;
  int winograd_tile;  // 0: none
  std::vector<float> bias;
  Buffer panels;  // one layout for every n, h and w

 private:
  std::atomic<std::shared_ptr<const std::pair<Conv2dShape, Route>>> last_;
};

std::unique_ptr<PackedFilter> pack(const Conv2dShape& s, DType dtype, const float* w, const float* bias) {
  check(s, dtype);
  return std::make_unique<CpuFilter>(s, dtype, w, bias);
}

void infer(const Conv2dShape& s, PackedFilter& filter, const void* x, const void* residual, bool relu, void* y) {
  auto& own = static_cast<CpuFilter&>(filter);
  if (!check(s, own.dtype)) return;
  const Epilogue epilogue{own.bias.data(), residual, relu};
  if (own.winograd_tile)
    return winograd(own.winograd_tile, s, static_cast<const float*>(x), own.panels.as<float>(), epilogue,
                    static_cast<float*>(y));
  run(*own.route(s), x, {.ready = own.panels.as<float>()}, epilogue, y);
}

}  // namespace
}  // namespace conv2d

const Conv2dKernels conv2d_cpu{
    .best_channels = [](int c, DType) { return c; },
    .forward = conv2d::forward,
    .forward_sums = [](const Conv2dShape&, DType, const void*, const void*, void*, float*) { return false; },
    .backward_data = conv2d::backward_data,
    .backward_weight = conv2d::backward_weight,
    .backward = conv2d::backward,
    .pack = conv2d::pack,
    .infer = conv2d::infer};

}  // namespace pc
