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
         "x" + str(s.s) + " stride " + str(s.stride) + " pad " + to_string(s.pad) +
         (s.groups == 1 ? "" : " groups " + str(s.groups)) + " " + name_of(dtype);
}

// False for an empty batch: nothing to do.
bool check(const Conv2dShape& s, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16) fail_shape(describe(s, dtype) + ": the CPU has f32 and bf16 only");
  if (s.n < 0 || s.h < 1 || s.w < 1 || s.c < 1 || s.k < 1 || s.r < 1 || s.s < 1 || s.stride < 1 || s.groups < 1 ||
      s.c % s.groups != 0 || s.k % s.groups != 0 || std::min({s.pad.top, s.pad.bottom, s.pad.left, s.pad.right}) < 0 ||
      s.x_channels() != s.c || s.h + s.pad.height() < s.r || s.w + s.pad.width() < s.s)
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

// A tensor from its element `at` on; null stays null.
const void* skip(const void* tensor, DType dtype, int64_t at) {
  return tensor ? static_cast<const char*>(tensor) + at * int64_t(size_of(dtype)) : nullptr;
}
void* skip(void* tensor, DType dtype, int64_t at) { return static_cast<char*>(tensor) + at * int64_t(size_of(dtype)); }
int64_t filters_size(const Conv2dShape& s) { return int64_t(s.group_k()) * s.r * s.s * s.group_c(); }  // of a group

void forward(const Conv2dShape& s, DType dtype, const void* x, const void* w, const float* bias, void* y) {
  if (!check(s, dtype)) return;
  if (s.depthwise())
    return depthwise(*depthwise_forward_plan(s), dtype, x, depthwise_panel(s, dtype, w).as<float>(), {.bias = bias}, y);
  const auto route = forward_route(s, dtype, kTile);
  const bool pairs = route->plan.gather.pairs;
  for (int64_t g = 0; g < s.groups; ++g)
    run(*route, skip(x, dtype, g * s.group_c()), forward_panels(s, dtype, pairs, skip(w, dtype, g * filters_size(s))),
        {.bias = bias ? bias + g * s.group_k() : nullptr}, skip(y, dtype, g * s.group_k()));
}

void backward_data(const Conv2dShape& s, DType dtype, const void* dy, const void* w, bool add, void* dx) {
  if (!check(s, dtype)) return;
  if (s.depthwise())
    return depthwise(*depthwise_backward_plan(s), dtype, dy, depthwise_panel(s, dtype, w).as<float>(),
                     {.residual = add ? dx : nullptr}, dx);
  const auto route = backward_route(s, dtype, kTile);
  const bool pairs = route->plan.gather.pairs;
  for (int64_t g = 0; g < s.groups; ++g) {
    void* const out = skip(dx, dtype, g * s.group_c());
    run(*route, skip(dy, dtype, g * s.group_k()), backward_panels(s, dtype, pairs, skip(w, dtype, g * filters_size(s))),
        {.residual = add ? out : nullptr}, out);
  }
}

void backward_weight(const Conv2dShape& s, DType dtype, const void* x, const void* dy, float* dw) {
  if (!check(s, dtype)) return void(std::fill_n(dw, s.groups * filters_size(s), 0.0f));
  if (s.depthwise()) return depthwise_weight_gradient(s, dtype, x, dy, dw);
  for (int64_t g = 0; g < s.groups; ++g)
    weight_gradient(s, dtype, skip(x, dtype, g * s.group_c()), skip(dy, dtype, g * s.group_k()),
                    dw + g * filters_size(s));
}

void backward(const Conv2dShape& s, DType dtype, const Conv2dBackward& a) {
  backward_data(s, dtype, a.dy, a.w, a.add, a.dx);
  backward_weight(s, dtype, a.x, a.dy, a.dw);
}

// The plan of the shape that came last: a small one is as quickly computed as planned.
template <class Plan>
class Latest {
 public:
  template <class Make>
  std::shared_ptr<const Plan> get(const Conv2dShape& s, Make make) {
    auto last = last_.load();
    if (!last || last->shape != s) last_ = last = make(s);
    return last;
  }

 private:
  std::atomic<std::shared_ptr<const Plan>> last_;
};

class CpuFilter : public PackedFilter {
 public:
  CpuFilter(const Conv2dShape& s, DType t, const float* w, const float* b)
      : dtype(t), winograd_tile(t == DType::f32 ? winograd_outputs(s, kTile) : 0) {
    if (b) bias.assign(b, b + s.k);
    if (s.depthwise()) {
      panels.push_back(depthwise_panel(s, DType::f32, w));
    } else if (winograd_tile) {
      panels.push_back(winograd_panels(winograd_tile, s, w));
    } else {
      const bool pairs = use_pairs(kTile, t, s.group_c());
      const int64_t blocks = (s.group_k() + kBlock - 1) / kBlock,
                    elements = int64_t(s.r) * s.s * s.group_c() / (pairs ? 2 : 1);
      for (int64_t g = 0; g < s.groups; ++g)
        panels.push_back(
            make_all(forward_panels(s, DType::f32, pairs, w + g * filters_size(s)), blocks, elements * kBlock));
    }
  }

  std::shared_ptr<const GatherRoute> route(const Conv2dShape& s) {
    return route_.get(s, [this](const Conv2dShape& shape) { return forward_route(shape, dtype, kTile); });
  }
  std::shared_ptr<const DepthwisePlan> depthwise_plan(const Conv2dShape& s) {
    return depthwise_plan_.get(s, depthwise_forward_plan);
  }

  DType dtype;
  int winograd_tile;  // 0: none
  std::vector<float> bias;
  std::vector<Buffer> panels;  // of each group; one layout for every n, h and w

 private:
  Latest<GatherRoute> route_;
  Latest<DepthwisePlan> depthwise_plan_;
};

std::unique_ptr<PackedFilter> pack(const Conv2dShape& s, DType dtype, const float* w, const float* bias) {
  check(s, dtype);
  return std::make_unique<CpuFilter>(s, dtype, w, bias);
}

void infer(const Conv2dShape& s, PackedFilter& filter, const void* x, const void* residual, Activation activation,
           void* y) {
  auto& own = static_cast<CpuFilter&>(filter);
  const DType dtype = own.dtype;
  if (!check(s, dtype)) return;
  const float* bias = own.bias.empty() ? nullptr : own.bias.data();
  const float* panel = own.panels.front().as<float>();
  if (own.winograd_tile && s.pad != Padding(1)) fail_shape(describe(s, dtype) + ": packed for pad 1");
  if (own.winograd_tile)
    return winograd(own.winograd_tile, s, static_cast<const float*>(x), panel, {bias, residual, activation},
                    static_cast<float*>(y));
  if (s.depthwise()) return depthwise(*own.depthwise_plan(s), dtype, x, panel, {bias, residual, activation}, y);
  const auto route = own.route(s);
  for (int64_t g = 0; g < s.groups; ++g) {
    const int64_t first = g * s.group_k();
    run(*route, skip(x, dtype, g * s.group_c()), {.ready = own.panels[std::size_t(g)].as<float>()},
        {bias ? bias + first : nullptr, skip(residual, dtype, first), activation}, skip(y, dtype, first));
  }
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
                               .backward_bias = conv2d::PC_VARIANT::backward_bias,
                               .pack = conv2d::PC_VARIANT::pack,
                               .infer = conv2d::PC_VARIANT::infer};

}  // namespace pc
