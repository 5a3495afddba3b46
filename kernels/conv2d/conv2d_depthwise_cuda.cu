// y and dx of depthwise convolutions on CUDA.
//
// dx at stride s is s * s convolutions of dy at stride 1: the pixels of dx whose row and column leave the same remainder
// see every s-th tap of the filter, turned around. Such a set of pixels is a phase; y has one.
#include <algorithm>
#include <vector>

#include "kernels/conv2d/conv2d_depthwise.cuh"
#include "kernels/conv2d/conv2d_epilogue.cuh"
#include "kernels/conv2d/conv2d_kernels.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

// One axis of a phase: coordinate first_out + i * out_step of the result sees tap first_tap + v * tap_step of the filter
// at coordinate i * in_step + v - pad of the input, 0 <= v < taps.
struct Axis {
  int count, first_out, out_step;
  int taps, first_tap, tap_step;
  int in_step, pad;
};
struct Phase {
  Axis rows, columns;
  int panel;  // where its taps begin among those of all phases
};
constexpr int kPhases = 4;
struct Phases {
  Phase at[kPhases];
  int count;
};

// Sizes of the input and the result.
struct Maps {
  int n, in_h, in_w, out_h, out_w, c;
};

template <class T>
struct Epilogue {
  const float* bias;
  const T* residual;
  Activation activation;
};

// panel[tap][c] = the filter's taps as the phases take them
template <class T>
__global__ void panel_kernel(Phases phases, int filter_w, int filter_size, int channels, const T* w, float* panel) {
  const Phase p = phases.at[blockIdx.y];
  const int total = p.rows.taps * p.columns.taps * channels;
  for (int i = int(blockIdx.x * blockDim.x + threadIdx.x); i < total; i += int(gridDim.x * blockDim.x)) {
    const int tap = i / channels, c = i - tap * channels;
    const int r = p.rows.first_tap + tap / p.columns.taps * p.rows.tap_step;
    const int s = p.columns.first_tap + tap % p.columns.taps * p.columns.tap_step;
    panel[int64_t(p.panel) * channels + i] = to_float(w[int64_t(c) * filter_size + r * filter_w + s]);
  }
}

// Work item `item` of a phase: `width` of them in a row of the result, each for every vector of channels.
struct Item {
  int64_t image;
  int row, column, vector;
};
__device__ inline Item item_of(uint32_t item, uint32_t vectors, uint32_t width, uint32_t rows) {
  const uint32_t pixel = item / vectors, line = pixel / width;
  return {int64_t(line / rows), int(line % rows), int(pixel - line * width), int(item - pixel * vectors)};
}

template <class T, int Taps, int Step>
__global__ void __launch_bounds__(kDepthwiseThreads)
    gather_kernel(Phases phases, Maps m, const T* in, const float* panel, Epilogue<T> e, T* out) {
  constexpr int kCount = kPixels<Taps, Step>;
  const Phase p = phases.at[blockIdx.x % phases.count];
  const uint32_t width = uint32_t(p.columns.count + kColumns - 1) / kColumns, vectors = uint32_t(m.c) / kVecWidth;
  const uint32_t item = blockIdx.x / phases.count * kDepthwiseThreads + threadIdx.x;
  if (item >= uint32_t(m.n) * p.rows.count * width * vectors) return;
  const Item at = item_of(item, vectors, width, uint32_t(p.rows.count));
  const int c = at.vector * kVecWidth, taps = p.columns.taps;
  const int h = at.row * p.rows.in_step - p.rows.pad, w = at.column * kColumns * Step - p.columns.pad;
  float sum[kColumns][kVecWidth] = {};
  for (int v = max(0, -h); v < min(p.rows.taps, m.in_h - h); ++v) {
    Vec8<T> pixels[kCount] = {};
    load_pixels(in + (at.image * m.in_h + h + v) * m.in_w * m.c + c, w, m.in_w, (kColumns - 1) * Step + taps, m.c,
                pixels);
    float weight[Taps][kVecWidth];
    const float* row = panel + (int64_t(p.panel) + v * taps) * m.c + c;
#pragma unroll
    for (int u = 0; u < Taps; ++u)
      if (u < taps) load_vec8<true>(row + u * m.c, kVecWidth, weight[u]);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (w + i < 0 || w + i >= m.in_w) continue;  // no product with 0: the weight may be infinite
      float x[kVecWidth];
      to_floats(pixels[i], x);
#pragma unroll
      for (int u = 0; u < Taps; ++u)
        if (meets<Step>(i, u) && u < taps) {
#pragma unroll
          for (int k = 0; k < kVecWidth; ++k) sum[(i - u) / Step][k] += x[k] * weight[u][k];
        }
    }
  }
  float bias[kVecWidth] = {};
  if (e.bias) load_vec8<true>(e.bias + c, kVecWidth, bias);
  const int64_t line = at.image * m.out_h + p.rows.first_out + at.row * p.rows.out_step;
#pragma unroll
  for (int t = 0; t < kColumns; ++t) {
    const int column = at.column * kColumns + t;
    if (column >= p.columns.count) continue;
    const int64_t to = (line * m.out_w + p.columns.first_out + column * p.columns.out_step) * m.c + c;
    float residual[kVecWidth] = {};
    if (e.residual) load_vec8<true>(e.residual + to, kVecWidth, residual);
    conv2d_finish(bias, residual, e.activation, sum[t]);
    store_vec8<true>(out + to, kVecWidth, sum[t]);
  }
}

// Any filter, stride and number of channels: a thread computes one number.
template <class T>
__global__ void plain_gather_kernel(Phases phases, Maps m, const T* in, const float* panel, Epilogue<T> e, T* out) {
  const Phase p = phases.at[blockIdx.x % phases.count];
  const uint32_t item = blockIdx.x / phases.count * kDepthwiseThreads + threadIdx.x;
  if (item >= uint32_t(m.n) * p.rows.count * p.columns.count * m.c) return;
  const Item at = item_of(item, uint32_t(m.c), uint32_t(p.columns.count), uint32_t(p.rows.count));
  const int h = at.row * p.rows.in_step - p.rows.pad, w = at.column * p.columns.in_step - p.columns.pad;
  float sum = 0;
  for (int v = max(0, -h); v < min(p.rows.taps, m.in_h - h); ++v)
    for (int u = max(0, -w); u < min(p.columns.taps, m.in_w - w); ++u)
      sum += to_float(in[((at.image * m.in_h + h + v) * m.in_w + w + u) * m.c + at.vector]) *
             panel[(int64_t(p.panel) + v * p.columns.taps + u) * m.c + at.vector];
  const int64_t line = at.image * m.out_h + p.rows.first_out + at.row * p.rows.out_step;
  const int64_t to = (line * m.out_w + p.columns.first_out + at.column * p.columns.out_step) * m.c + at.vector;
  const float bias[1] = {e.bias ? e.bias[at.vector] : 0.0f}, residual[1] = {e.residual ? to_float(e.residual[to]) : 0};
  float y[1] = {sum};
  conv2d_finish(bias, residual, e.activation, y);
  out[to] = from_float<T>(y[0]);
}

Axis forward_axis(int out, int taps, int stride, int pad) { return {out, 0, 1, taps, 0, 1, stride, pad}; }

// Coordinates first, first + stride, … of dx. Tap r reaches coordinate i from (i + pad - r) / stride of dy.
Axis backward_axis(int in, int first, int taps, int stride, int pad) {
  const int least = (first + pad) % stride, count = least < taps ? int(ceil_div(taps - least, stride)) : 0;
  return {.count = int(ceil_div(in - first, stride)),
          .first_out = first,
          .out_step = stride,
          .taps = count,
          .first_tap = least + stride * (count - 1),
          .tap_step = -stride,
          .in_step = 1,
          .pad = count - 1 - (first + pad - least) / stride};
}

template <class T>
void run(const Phases& phases, const Maps& m, const Conv2dShape& s, const void* in, const void* w, float* panel,
         const Epilogue<T>& e, void* out) {
  int rows = 0, columns = 0, taps = 0, steps = 1, widest = 0;
  for (int i = 0; i < phases.count; ++i) {
    const Phase& p = phases.at[i];
    rows = std::max(rows, p.rows.count), columns = std::max(columns, p.columns.count);
    taps = std::max(taps, p.rows.taps * p.columns.taps), widest = std::max(widest, p.columns.taps);
    steps = p.columns.in_step;
  }
  launch(dim3(grid_for(int64_t(taps) * s.c, kDepthwiseThreads), unsigned(phases.count)), kDepthwiseThreads,
         panel_kernel<T>, phases, s.s, s.r * s.s, s.c, static_cast<const T*>(w), panel);
  const auto launch_gather = [&](auto* kernel, int64_t per_row) {
    const int64_t items = int64_t(m.n) * rows * per_row;
    if (items * phases.count > INT32_MAX) fail_shape("conv2d: more elements than one depthwise launch can count");
    launch(unsigned(ceil_div(items, kDepthwiseThreads) * phases.count), kDepthwiseThreads, kernel, phases, m,
           static_cast<const T*>(in), panel, e, static_cast<T*>(out));
  };
  const bool aligned = m.c % kVecWidth == 0 && aligned16({in, out, e.bias, e.residual});
  const auto sized = [&](auto constant_taps, auto step) {
    launch_gather(gather_kernel<T, constant_taps.value, step.value>, ceil_div(columns, kColumns) * m.c / kVecWidth);
  };
  if (!aligned || !with_taps(widest, steps, sized)) launch_gather(plain_gather_kernel<T>, int64_t(columns) * m.c);
}

// All phases, kPhases in a launch: next to each other, they find the input in the cache.
void run_all(std::vector<Phase> phases, const Maps& m, const Conv2dShape& s, DType dtype, const void* in, const void* w,
             const Conv2dEpilogue& e, void* out) {
  const Buffer panel(Device::cuda, std::size_t(s.r) * s.s * s.c * sizeof(float));
  int taps = 0;
  for (Phase& p : phases) p.panel = taps, taps += p.rows.taps * p.columns.taps;
  with_float_type("conv2d", dtype, [&](auto element) {
    using T = decltype(element);
    for (std::size_t first = 0; first < phases.size(); first += kPhases) {
      Phases some{.at = {}, .count = int(std::min<std::size_t>(kPhases, phases.size() - first))};
      std::copy_n(phases.begin() + std::ptrdiff_t(first), some.count, some.at);
      run<T>(some, m, s, in, w, panel.as<float>(), {e.bias, static_cast<const T*>(e.residual), e.activation}, out);
    }
  });
}

}  // namespace

void conv2d_depthwise(const Conv2dShape& s, DType dtype, const void* x, const void* w, const Conv2dEpilogue& e,
                      void* y) {
  const Phase all{forward_axis(s.p(), s.r, s.stride, s.pad.top), forward_axis(s.q(), s.s, s.stride, s.pad.left), 0};
  run_all({all}, {s.n, s.h, s.w, s.p(), s.q(), s.c}, s, dtype, x, w, e, y);
}

void conv2d_depthwise_data(const Conv2dShape& s, DType dtype, const void* dy, const void* w, bool add, void* dx) {
  std::vector<Phase> phases;
  for (int i = 0; i < std::min(s.stride, s.h); ++i)
    for (int j = 0; j < std::min(s.stride, s.w); ++j)
      phases.push_back(
          {backward_axis(s.h, i, s.r, s.stride, s.pad.top), backward_axis(s.w, j, s.s, s.stride, s.pad.left), 0});
  run_all(std::move(phases), {s.n, s.p(), s.q(), s.h, s.w, s.c}, s, dtype, dy, w, {.residual = add ? dx : nullptr}, dx);
}

}  // namespace pc
