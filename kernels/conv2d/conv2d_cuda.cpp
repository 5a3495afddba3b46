// Convolutions on CUDA through cuDNN's graphs, plans kept by shape; depthwise ones through our own kernels, which read
// and write every tensor once in the layout that it has.
//
// 16-bit tensors whose channels are not a multiple of 8 (the stem's filters, images with 3 channels) are padded here:
// without padding, cuDNN's heuristics choose engines without tensor cores, or engines that pad at every step in 200 MB
// of workspace. No engine writes an f32 dw from 16-bit tensors: dw is computed in 16 bits and cast to f32.
#include <initializer_list>
#include <string>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/cast/cast.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/conv2d_graph.h"
#include "kernels/conv2d/conv2d_kernels.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/streams.h"

namespace pc {
namespace {

int64_t x_rows(const Conv2dShape& s) { return int64_t(s.n) * s.h * s.w; }
int64_t w_rows(const Conv2dShape& s) { return int64_t(s.k) * s.r * s.s; }

Buffer make_rows(int64_t rows, int c, DType dtype) {
  return Buffer(Device::cuda, std::size_t(rows) * std::size_t(c) * size_of(dtype));
}

// The tensor with `to_c` channels: the tensor itself if it has them, else a copy that `scratch` owns.
const void* with_channels(int64_t rows, int from_c, const void* from, int to_c, DType dtype, Buffer& scratch) {
  if (from_c == to_c) return from;
  scratch = make_rows(rows, to_c, dtype);
  conv2d_fit_channels(rows, from_c, from, to_c, scratch.data());
  return scratch.data();
}

[[noreturn]] void fail_no_engine(const ConvKey& key, const char* pass) {
  const Conv2dShape& s = key.shape;
  const auto list = [](std::initializer_list<int> sizes) {
    std::string text;
    for (int size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
    return "[" + text + "]";
  };
  fail(Exit::usage, std::string("conv2d: cuDNN has no engine for the ") + pass + " pass in " + name_of(key.dtype) +
                        " of x " + list({s.n, s.h, s.w, s.c}) + ", w " + list({s.k, s.r, s.s, s.group_c()}) +
                        ", stride " + std::to_string(s.stride) + ", pad " + to_string(s.pad) +
                        (s.groups == 1 ? "" : ", groups " + std::to_string(s.groups)) + "; use device = cpu");
}

const CudnnPlan& plan_of(const ConvKey& key, const char* pass) {
  const CudnnPlan* plan = conv2d_plan(key);
  if (!plan) fail_no_engine(key, pass);
  return *plan;
}

// y = f(conv(x, w) + bias + residual): in one pass where an engine has that epilogue, else in two. w has padded
// channels; typed_bias: the bias in `dtype`.
void run_with_epilogue(const Conv2dShape& shape, DType dtype, const void* x, const void* w, const void* typed_bias,
                       const Conv2dEpilogue& e, void* y) {
  if (shape.depthwise()) return conv2d_depthwise(shape, dtype, x, w, e, y);
  const Conv2dShape s = conv2d_padded(shape, dtype);
  Buffer x_scratch;
  const void* input = with_channels(x_rows(s), shape.x_channels(), x, s.c, dtype, x_scratch);
  const bool in_engine = e.activation == Activation::none || e.activation == Activation::relu;
  const CudnnPlan* fused =
      in_engine ? conv2d_plan({s, dtype, ConvPass::infer, e.residual != nullptr, e.activation}) : nullptr;
  if (fused && e.residual)
    return fused->run(
        {{kConvX, input}, {kConvW, w}, {kConvBias, typed_bias}, {kConvResidual, e.residual}, {kConvY, y}});
  if (fused) return fused->run({{kConvX, input}, {kConvW, w}, {kConvBias, typed_bias}, {kConvY, y}});
  plan_of({s, dtype, ConvPass::forward}, "forward").run({{kConvX, input}, {kConvW, w}, {kConvY, y}});
  conv2d_epilogue(s.y_pixels(), s.k, dtype, e, y);
}

// The bias in `dtype`: itself, or a copy that `scratch` owns.
const void* typed_bias(int k, const float* bias, DType dtype, Buffer& scratch) {
  if (dtype == DType::f32) return bias;
  scratch = make_rows(k, 1, dtype);
  cast_cuda.forward(k, DType::f32, bias, dtype, scratch.data());
  return scratch.data();
}

void forward(const Conv2dShape& shape, DType dtype, const void* x, const void* w, const float* bias, void* y) {
  if (shape.n == 0) return;
  const Conv2dShape s = conv2d_padded(shape, dtype);
  Buffer x_scratch, w_scratch, bias_scratch;
  const void* filter = with_channels(w_rows(s), shape.group_c(), w, s.group_c(), dtype, w_scratch);
  if (bias || shape.depthwise())
    return run_with_epilogue(shape, dtype, x, filter, bias ? typed_bias(s.k, bias, dtype, bias_scratch) : nullptr,
                             {.bias = bias}, y);
  plan_of({s, dtype, ConvPass::forward}, "forward")
      .run({{kConvX, with_channels(x_rows(s), shape.x_channels(), x, s.c, dtype, x_scratch)},
            {kConvW, filter},
            {kConvY, y}});
}

bool forward_sums(const Conv2dShape& s, DType dtype, const void* x, const void* w, void* y, float* sums) {
  if (s.n == 0 || dtype != DType::f16 || s.groups > 1 || s.c % 8 != 0 || s.k % 8 != 0) return false;
  const CudnnPlan* plan = conv2d_plan({s, dtype, ConvPass::forward_sums});
  if (plan) plan->run({{kConvX, x}, {kConvW, w}, {kConvY, y}, {kConvSum, sums}, {kConvSquares, sums + s.k}});
  return plan != nullptr;
}

ConvKey data_key(const Conv2dShape& s, DType dtype, bool add) {
  return {.shape = s, .dtype = dtype, .pass = ConvPass::backward_data, .add = add};
}
ConvKey weight_key(const Conv2dShape& s, DType dtype) { return {s, dtype, ConvPass::backward_weight}; }

void backward_data(const Conv2dShape& shape, DType dtype, const void* dy, const void* w, bool add, void* dx) {
  if (shape.n == 0) return;
  if (shape.depthwise()) return conv2d_depthwise_data(shape, dtype, dy, w, add, dx);
  const Conv2dShape s = conv2d_padded(shape, dtype);
  const int dx_c = shape.x_channels();
  Buffer w_scratch, dx_scratch;
  if (s.c != dx_c) dx_scratch = make_rows(x_rows(s), s.c, dtype);
  void* out = s.c == dx_c ? dx : dx_scratch.data();
  if (add && out != dx) conv2d_fit_channels(x_rows(s), dx_c, dx, s.c, out);
  plan_of(data_key(s, dtype, add), "backward data")
      .run({{kConvY, dy},
            {kConvW, with_channels(w_rows(s), shape.group_c(), w, s.group_c(), dtype, w_scratch)},
            {kConvX, out}});
  if (out != dx) conv2d_fit_channels(x_rows(s), s.c, out, dx_c, dx);
}

void backward_weight(const Conv2dShape& shape, DType dtype, const void* x, const void* dy, float* dw) {
  const int64_t elements = w_rows(shape) * shape.group_c();
  if (shape.n == 0) return memory_cuda.zero(dw, std::size_t(elements) * sizeof(float));
  if (shape.depthwise()) return conv2d_depthwise_weight(shape, dtype, x, dy, dw);
  const Conv2dShape s = conv2d_padded(shape, dtype);
  Buffer x_scratch, dw_scratch, dw16_scratch;
  if (dtype != DType::f32) dw_scratch = make_rows(w_rows(s), s.group_c(), dtype);
  void* out = dtype == DType::f32 ? dw : dw_scratch.data();
  plan_of(weight_key(s, dtype), "backward weight")
      .run({{kConvX, with_channels(x_rows(s), shape.x_channels(), x, s.c, dtype, x_scratch)},
            {kConvY, dy},
            {kConvW, out}});
  if (dtype == DType::f32) return;
  const void* dw16 = with_channels(w_rows(s), s.group_c(), out, shape.group_c(), dtype, dw16_scratch);
  cast_cuda.forward(elements, dtype, dw16, DType::f32, dw);
}

// Concurrently: multiprocessors that one leaves idle, as the last tiles of small maps do, run the other.
void backward(const Conv2dShape& shape, DType dtype, const Conv2dBackward& a) {
  if (shape.n == 0) return backward_weight(shape, dtype, a.x, a.dy, a.dw);
  const Conv2dShape s = conv2d_padded(shape, dtype);
  if (!shape.depthwise()) {  // before the fork: engines are tuned without other work on the GPU
    conv2d_plan(data_key(s, dtype, a.add));
    conv2d_plan(weight_key(s, dtype));
  }
  run_concurrently([&] { backward_weight(shape, dtype, a.x, a.dy, a.dw); },
                   [&] { backward_data(shape, dtype, a.dy, a.w, a.add, a.dx); });
}

// Copies of w and bias in the form that the graphs require: in the type of x, with padded channels.
struct CudaFilter : PackedFilter {
  DType dtype;
  Buffer w, f32_bias, scratch;
  const void* typed_bias;
};

std::unique_ptr<PackedFilter> pack(const Conv2dShape& s, DType dtype, const float* w, const float* bias) {
  auto filter = std::make_unique<CudaFilter>();
  filter->dtype = dtype;
  filter->f32_bias = make_rows(s.k, 1, DType::f32);
  if (bias)
    memory_cuda.copy(filter->f32_bias.data(), bias, filter->f32_bias.bytes());
  else
    memory_cuda.zero(filter->f32_bias.data(), filter->f32_bias.bytes());
  filter->typed_bias = typed_bias(s.k, filter->f32_bias.as<float>(), dtype, filter->scratch);
  Buffer cast = make_rows(w_rows(s), s.group_c(), dtype);
  cast_cuda.forward(w_rows(s) * s.group_c(), DType::f32, w, dtype, cast.data());
  if (with_channels(w_rows(s), s.group_c(), cast.data(), conv2d_padded(s, dtype).group_c(), dtype, filter->w) ==
      cast.data())
    filter->w = std::move(cast);
  return filter;
}

void infer(const Conv2dShape& shape, PackedFilter& packed, const void* x, const void* residual, Activation activation,
           void* y) {
  if (shape.n == 0) return;
  const auto& filter = static_cast<const CudaFilter&>(packed);
  run_with_epilogue(shape, filter.dtype, x, filter.w.data(), filter.typed_bias,
                    {filter.f32_bias.as<float>(), residual, activation}, y);
}

}  // namespace

const Conv2dKernels conv2d_cuda{.best_channels = conv2d_channels,
                                .forward = forward,
                                .forward_sums = forward_sums,
                                .backward_data = backward_data,
                                .backward_weight = backward_weight,
                                .backward = backward,
                                .backward_bias = conv2d_backward_bias,
                                .pack = pack,
                                .infer = infer};

}  // namespace pc
