// conv2d on the CPU: brings each direction to the gathered product or the weight gradient, and fills the table.
#include "kernels/conv2d/conv2d_simd.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/conv2d/conv2d_winograd.h"

namespace pc {
namespace conv2d::PC_VARIANT {
namespace {

std::string describe(const Conv2dShape& s, DType dtype) {
  const auto str = [](int v) { return std::to_string(v); };
  return "conv2d n=" + str(s.n) + " " + str(s.h) + "x" + str(s.w) + "x" + str(s.c) + " k=" + str(s.k) + " " + str(s.r) +
         "x" + str(s.s) + " stride " + str(s.stride) + " pad " + to_string(s.pad) + " " + name_of(dtype);
}

// False for an empty batch: nothing to do.
bool check(const Conv2dShape& s, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16) fail_shape(describe(s, dtype) + ": the CPU has f32 and bf16 only");
  if (s.n < 0 || s.h < 1 || s.w < 1 || s.c < 1 || s.k < 1 || s.r < 1 || s.s < 1 || s.stride < 1 ||
      std::min({s.pad.top, s.pad.bottom, s.pad.left, s.pad.right}) < 0 || s.x_channels() != s.c ||
      s.h + s.pad.height() < s.r || s.w + s.pad.width() < s.s)
    fail_shape(describe(s, dtype) + ": these sizes do not make a convolution");
  return s.n > 0;
}

void run(const GatherRoute& route, const void* x, const Panels& panels, const Epilogue& epilogue, void* out) {
  const bool pairs = route.plan.gather.pairs;
  Buffer copy;
  if (route.copied)
    copy = padded_copy(route.images, route.dtype, x, pairs ? DType::bf16 : DType::f32, route.border,
                       int(route.plan.gather.pixel_step) * (pairs ? 2 : 1));
  run(route.plan, static_cast<const float*>(copy.data() ? copy.data() : x), panels, epilogue, route.dtype, out);
}

void forward(const Conv2dShape& s, DType dtype, const void* x, const void* w, void* y) {
  if (!check(s, dtype)) return;
  run(*forward_route(s, dtype, kTile), x, forward_panels(s, dtype, use_pairs(kTile, dtype, s.c), w), {}, y);
}

void backward_data(const Conv2dShape& s, DType dtype, const void* dy, const void* w, bool add, void* dx) {
  if (!check(s, dtype)) return;
  run(*backward_route(s, dtype, kTile), dy, backward_panels(s, dtype, use_pairs(kTile, dtype, s.k), w),
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
      : dtype(t), winograd_tile(t == DType::f32 ? winograd_outputs(s, kTile) : 0) {
    if (b) bias.assign(b, b + s.k);
    const bool pairs = use_pairs(kTile, t, s.c);
    const int64_t blocks = (s.k + kBlock - 1) / kBlock, elements = int64_t(s.r) * s.s * s.c / (pairs ? 2 : 1);
    panels = winograd_tile ? winograd_panels(winograd_tile, s, w)
                           : make_all(forward_panels(s, DType::f32, pairs, w), blocks, elements * kBlock);
  }

  // Of the shape that came last: a small one is as quickly computed as planned.
  std::shared_ptr<const GatherRoute> route(const Conv2dShape& s) {
    auto last = last_.load();
    if (!last || last->shape != s) last_ = last = forward_route(s, dtype, kTile);
    return last;
  }

  DType dtype;
  int winograd_tile;  // 0: none
  std::vector<float> bias;
  Buffer panels;  // one layout for every n, h and w

 private:
  std::atomic<std::shared_ptr<const GatherRoute>> last_;
};

std::unique_ptr<PackedFilter> pack(const Conv2dShape& s, DType dtype, const float* w, const float* bias) {
  check(s, dtype);
  return std::make_unique<CpuFilter>(s, dtype, w, bias);
}

void infer(const Conv2dShape& s, PackedFilter& filter, const void* x, const void* residual, bool relu, void* y) {
  auto& own = static_cast<CpuFilter&>(filter);
  if (!check(s, own.dtype)) return;
  const Epilogue epilogue{own.bias.data(), residual, relu};
  if (own.winograd_tile && s.pad != Padding(1)) fail_shape(describe(s, own.dtype) + ": packed for pad 1");
  if (own.winograd_tile)
    return winograd(own.winograd_tile, s, static_cast<const float*>(x), own.panels.as<float>(), epilogue,
                    static_cast<float*>(y));
  run(*own.route(s), x, {.ready = own.panels.as<float>()}, epilogue, y);
}

int best_channels(int c, DType) { return c; }
bool forward_sums(const Conv2dShape&, DType, const void*, const void*, void*, float*) { return false; }

}  // namespace
}  // namespace conv2d::PC_VARIANT

const Conv2dKernels conv2d_cpu{.best_channels = conv2d::PC_VARIANT::best_channels,
                               .forward = conv2d::PC_VARIANT::forward,
                               .forward_sums = conv2d::PC_VARIANT::forward_sums,
                               .backward_data = conv2d::PC_VARIANT::backward_data,
                               .backward_weight = conv2d::PC_VARIANT::backward_weight,
                               .backward = conv2d::PC_VARIANT::backward,
                               .pack = conv2d::PC_VARIANT::pack,
                               .infer = conv2d::PC_VARIANT::infer};

}  // namespace pc
