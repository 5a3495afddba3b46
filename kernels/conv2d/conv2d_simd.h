// What the files of conv2d on the CPU share: the vector, the gathered product behind y and dx, and the weight gradient.
//
// Why not oneDNN: its weight gradient depends on the number of threads, its 3-channel NHWC case falls to a reference
// loop, and it multiplies the zeros of the border, which are half of the work on the 3x2 maps that a ResNet has at
// 80x60.
//
// Products work on 32-bit words: a word is one f32, or, where the CPU multiplies bf16 (kPairs), two bf16 whose products
// are added at once: two neighbouring channels for y and dx, the same number of two images for dw.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/memory.h"

namespace pc::conv2d {

// A register tile is kRows broadcast words times two vectors; its accumulators fill the register file.
#if defined(__AVX512F__)
inline constexpr int kLanes = 16, kRows = 14;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8, kRows = 6;
#else
inline constexpr int kLanes = 4, kRows = 6;
#endif
inline constexpr int kBlock = 2 * kLanes;  // channels of a register tile
inline constexpr int kLine = 16;           // words in a cache line

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float VecAtFloat __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));  // for loads from any float
inline Vec load(const float* p) { return *reinterpret_cast<const VecAtFloat*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<VecAtFloat*>(p) = v; }

#if defined(__AVX512BF16__)
inline constexpr bool kPairs = true;
#else
inline constexpr bool kPairs = false;
#endif

// sum + word * b in every lane.
template <bool Pairs>
Vec multiply_add(Vec sum, const float* element, Vec b) {
#if defined(__AVX512BF16__)
  if constexpr (Pairs)
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(std::bit_cast<int>(*element)), (__m512bh)b);
#endif
  return sum + (*element - Vec{}) * b;
}

inline uint32_t bits_of(float v) { return bf16(v).bits; }
inline uint32_t bits_of(bf16 v) { return v.bits; }
template <class T>
float pair_of(T low, T high) {
  return std::bit_cast<float>(bits_of(low) | bits_of(high) << 16);
}

// "conv2d n=64 80x60x3 k=64 7x7 stride 2 pad 3 bf16", for error messages.
std::string describe(const Conv2dShape&, DType);

// With few channels, the s * c numbers under one filter row are one run of the padded row: as many channels of a filter
// of width 1.
inline bool folds(const Conv2dShape& s) { return s.c < kLine && s.s > 1; }

// --- y and dx ---

// One axis of the result, its coordinates sorted by which filter taps reach a pixel of the input: at a border some do
// not.
struct AxisClass {
  std::vector<std::pair<int, int>> taps;    // (index in the filter, input coordinate relative to the point's base)
  std::vector<std::pair<int, int>> points;  // (output coordinate, base input coordinate)
};
std::vector<AxisClass> forward_axis(int out, int taps, int stride, int pad, int in);   // in = out * stride + tap - pad
std::vector<AxisClass> backward_axis(int out, int taps, int stride, int pad, int in);  // out = in * stride + tap - pad

// out[n, i, j, o] = sum over the taps (r, s) that reach (i, j) and over c of in[n, i', j', c] * filter[o, r, s, c].
// Each number is one chain of multiply-adds in the order r, s, c, whatever the tiles and threads.
struct Gather {
  int n, out_h, out_w, channels_in, channels_out, taps_h, taps_w;  // channels_in in words
  std::vector<AxisClass> rows, columns;
  int64_t image_step = 0, row_step = 0, pixel_step = 0;  // of the input, in words
  bool pairs = false;
  int64_t blocks() const { return (channels_out + kBlock - 1) / kBlock; }
  int64_t panel_size() const { return int64_t(taps_h) * taps_w * channels_in * kBlock; }
};

struct GatherTap {
  int64_t offset;  // of the input pixel, from the place's
  int64_t weight;  // of its channels in a panel
};
struct GatherCoord {
  int64_t in, out;  // where the first tap lies in a picture of the input, and the pixel in one of the result
};
// Pixels of a picture that the same taps reach, cut into tiles of nearly equal height; those of all pictures count.
struct PixelGroup {
  std::vector<GatherTap> taps;
  std::vector<GatherCoord> coords;
  int64_t pixels = 0, tiles = 0, first_tile = 0;
  std::pair<int64_t, int64_t> range(int64_t tile) const { return {pixels * tile / tiles, pixels * (tile + 1) / tiles}; }
  int height(int64_t tile) const { return int(range(tile).second - range(tile).first); }
};
// How a gather goes about it. by_taps: each group has one tap, and a pixel is in several.
struct GatherPlan {
  Gather gather = {};
  std::vector<PixelGroup> groups;
  bool by_taps = false;
};
GatherPlan plan(Gather);

// The filter as the gather reads it: for every kBlock output channels (zeros after the last) a panel [r][s][c][kBlock]
// of words.
struct Panels {
  std::function<void(int64_t block, float* panel)> make = {};
  const float* ready = nullptr;  // all of them, one after the other; where null, `make` is called
};
Panels forward_panels(const Conv2dShape&, DType, bool pairs, const void* w);   // outputs k, inputs c
Panels backward_panels(const Conv2dShape&, DType, bool pairs, const void* w);  // outputs c, inputs k
Buffer make_all(const Panels&, int64_t blocks, int64_t panel_size);

// What happens to a sum before it is stored: + bias[o], + residual (laid out and typed as out; may be out), relu.
struct Epilogue {
  const float* bias = nullptr;
  const void* residual = nullptr;
  bool relu = false;
};
void run(const GatherPlan&, const float* in, const Panels&, const Epilogue&, DType out_type, void* out);

// sums[m][kBlock] = sum over c of rows[m][c] * panel[c][kBlock], 1 <= height <= kRows.
void multiply(const float* const* rows, int height, int channels, const float* panel, float* sums);

struct Images {
  int n, h, w, c;
};
// Copy with pad_w zeros left and right of each row and `pitch` >= c elements from pixel to pixel (those after c are
// never read).
Buffer padded_copy(const Images&, DType from, const void* x, DType to, int pad_w, int pitch);

// --- y of inference, f32, in fewer products ---

// Outputs along the side of a tile, 2 or 4, as is best for such filters and pictures; 0 where it is not worth it. n
// does not matter, so that a picture's result does not depend on its batch.
int winograd_outputs(const Conv2dShape&);
Buffer winograd_panels(int outputs, const Conv2dShape&, const float* w);  // w KRSC, 3x3
// For pictures of any h and w.
void winograd(int outputs, const Conv2dShape&, const float* x, const float* panels, const Epilogue&, float* y);

// --- dw ---

// dw (KRSC) = sum over n,p,q of dy * x. The order of every sum depends on the shape only.
void weight_gradient(const Conv2dShape&, DType, const void* x, const void* dy, float* dw);

}  // namespace pc::conv2d
