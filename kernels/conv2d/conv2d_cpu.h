// What the files of conv2d on the CPU share: the vector, the gathered product behind y and dx, and the weight gradient.
//
// Why not oneDNN: its weight gradient depends on the number of threads, its 3-channel NHWC case falls to a reference loop, and
// it multiplies the zeros of the border, which are half of the work on the 3x2 maps that a ResNet has at 80x60.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/memory.h"

namespace pc::conv2d {

// A register tile is kRows broadcast numbers times two vectors; its accumulators fill the register file.
#if defined(__AVX512F__)
inline constexpr int kLanes = 16, kRows = 14;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8, kRows = 6;
#else
inline constexpr int kLanes = 4, kRows = 6;
#endif
inline constexpr int kBlock = 2 * kLanes;  // channels of a register tile

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float VecAtFloat __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));  // for loads from any float
inline Vec load(const float* p) { return *reinterpret_cast<const VecAtFloat*>(p); }
inline Vec broadcast(float v) { return v - Vec{}; }
inline void store(float* p, Vec v) { *reinterpret_cast<VecAtFloat*>(p) = v; }

// "conv2d n=64 80x60x3 k=64 7x7 stride 2 pad 3 bf16", for error messages.
std::string describe(const Conv2dShape&, DType);

// One axis of the result, its coordinates sorted by which filter taps reach a pixel of the input: at a border some do not.
struct AxisClass {
  std::vector<std::pair<int, int>> taps;    // (index in the filter, input coordinate relative to the point's base)
  std::vector<std::pair<int, int>> points;  // (output coordinate, base input coordinate)
};
std::vector<AxisClass> forward_axis(int out, int taps, int stride, int pad, int in);   // in = out * stride + tap - pad
std::vector<AxisClass> backward_axis(int out, int taps, int stride, int pad, int in);  // out = in * stride + tap - pad

// out[n, i, j, o] = sum over the taps (r, s) that reach (i, j) and over c of in[n, i', j', c] * filter[o, r, s, c].
// Steps are in floats. Each number is one chain of multiply-adds in the order r, s, c whatever the tiles and threads.
struct Gather {
  int n, out_h, out_w, channels_in, channels_out, taps_h, taps_w;
  int64_t image_step, row_step, pixel_step;  // of the input
  std::vector<AxisClass> rows, columns;
};

// What happens to a sum before it is stored: + bias[o], + residual (laid out and typed as out; may be out), relu.
struct Epilogue {
  const float* bias = nullptr;
  const void* residual = nullptr;
  bool relu = false;
};
void run(const Gather&, const float* in, const float* panels, const Epilogue&, DType out_type, void* out);

// Filters as the gather reads them: for each kBlock output channels (zeros after the last) a panel [r][s][c][kBlock].
Buffer forward_panels(const Conv2dShape&, DType, const void* w);   // outputs k, inputs c
Buffer backward_panels(const Conv2dShape&, DType, const void* w);  // outputs c, inputs k

struct Images {
  int n, h, w, c;
};
// Copy in f32 with zeros around each image and `pitch` >= c floats from pixel to pixel (those after c are never read).
Buffer padded_copy(const Images&, DType, const void* x, int pad_h, int pad_w, int pitch);

// With few channels, the s * c numbers under one filter row are one run of the padded row: as many channels of a filter of width 1.
inline bool folds(const Conv2dShape& s) { return s.c < kLanes && s.s > 1; }

// dw (KRSC) = sum over n,p,q of dy * x. The order of every sum depends on the shape only.
void weight_gradient(const Conv2dShape&, DType, const void* x, const void* dy, float* dw);

}  // namespace pc::conv2d
