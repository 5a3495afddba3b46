// conv2d on the CPU: brings each direction to the gathered product or the weight gradient, and fills the table.
#include "kernels/conv2d/conv2d_cpu.h"

#include <algorithm>
#include <vector>

#include "kernels/runtime/error.h"

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

// The input of a gather: where it is and how it lies.
struct Input {
  Images images;
  DType dtype;
  const void* data;
  int pad_w = 0;  // columns of zeros to write left and right of it
};

// Two channels of bf16 at once where the CPU can and the channels are even.
bool use_pairs(DType dtype, int channels) { return kPairs && dtype == DType::bf16 && channels % 2 == 0; }

// The gather over an input, first copied where that is needed (bf16 as f32, zeros around) or pays: with channels in
// powers of two the rows of a tile lie in the same few sets of the cache, so the copy puts a line between pixels.
void run_on(Gather g, const Input& in, const Panels& panels, const Epilogue& epilogue, void* out) {
  const Images& x = in.images;
  const DType type = g.pairs ? DType::bf16 : DType::f32;
  const int per_word = g.pairs ? 2 : 1;
  const bool conflicts = x.c % (128 * per_word) == 0 && x.n > 1 && g.taps_h * g.taps_w > 1;
  const int pitch = conflicts ? x.c + kLine * per_word : x.c;
  g.pixel_step = pitch;
  g.row_step = int64_t(x.w + 2 * in.pad_w) * pitch;
  g.image_step = x.h * g.row_step;
  if (g.pairs) g.channels_in /= 2, g.pixel_step /= 2, g.row_step /= 2, g.image_step /= 2;
  Buffer copy;
  if (conflicts || in.dtype != type || in.pad_w) copy = padded_copy(x, in.dtype, in.data, type, in.pad_w, pitch);
  run(g, static_cast<const float*>(copy.data() ? copy.data() : in.data), panels, epilogue, in.dtype, out);
}

void convolve(const Conv2dShape& s, DType dtype, const void* x, const Panels& panels, const Epilogue& epilogue,
              void* y) {
  Input in{{s.n, s.h, s.w, s.c}, dtype, x};
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
    in.pad_w = s.pad;
    g.channels_in = s.s * s.c, g.taps_w = 1;
    g.columns = forward_axis(s.q(), 1, s.stride, 0, s.w + 2 * s.pad);
  }
  g.pairs = use_pairs(dtype, s.c);
  run_on(std::move(g), in, panels, epilogue, y);
}

void forward(const Conv2dShape& s, DType dtype, const void* x, const void* w, void* y) {
  if (check(s, dtype)) convolve(s, dtype, x, forward_panels(s, dtype, use_pairs(dtype, s.c), w), {}, y);
}

void backward_data(const Conv2dShape& s, DType dtype, const void* dy, const void* w, bool add, void* dx) {
  if (!check(s, dtype)) return;
  const bool pairs = use_pairs(dtype, s.k);
  run_on({.n = s.n,
          .out_h = s.h,
          .out_w = s.w,
          .channels_in = s.k,
          .channels_out = s.c,
          .taps_h = s.r,
          .taps_w = s.s,
          .rows = backward_axis(s.h, s.r, s.stride, s.pad, s.p()),
          .columns = backward_axis(s.w, s.s, s.stride, s.pad, s.q()),
          .pairs = pairs},
         {{s.n, s.p(), s.q(), s.k}, dtype, dy}, backward_panels(s, dtype, pairs, w), {.residual = add ? dx : nullptr},
         dx);
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
      : dtype(t), few_products(t == DType::f32 && winograd_pays(s)) {
    if (b) bias.assign(b, b + s.k);
    const bool pairs = use_pairs(t, s.c);
    const int64_t blocks = (s.k + kBlock - 1) / kBlock, words = int64_t(s.r) * s.s * s.c / (pairs ? 2 : 1);
    panels = few_products ? winograd_panels(s, w)
                          : make_all(forward_panels(s, DType::f32, pairs, w), blocks, words * kBlock);
  }
  DType dtype;
  bool few_products;
  std::vector<float> bias;
  Buffer panels;  // one layout for every n, h and w
};

std::unique_ptr<PackedFilter> pack(const Conv2dShape& s, DType dtype, const float* w, const float* bias) {
  check(s, dtype);
  return std::make_unique<CpuFilter>(s, dtype, w, bias);
}

void infer(const Conv2dShape& s, PackedFilter& filter, const void* x, const void* residual, bool relu, void* y) {
  const auto& own = static_cast<const CpuFilter&>(filter);
  if (!check(s, own.dtype)) return;
  const Epilogue epilogue{own.bias.data(), residual, relu};
  if (own.few_products)
    return winograd(s, static_cast<const float*>(x), own.panels.as<float>(), epilogue, static_cast<float*>(y));
  convolve(s, own.dtype, x, {.ready = own.panels.as<float>()}, epilogue, y);
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
