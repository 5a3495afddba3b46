// What the vector files of conv2d share: the size of a register tile, the gathered product that y and dx come from, and
// the weight gradient.
//
// Why not oneDNN: its weight gradient depends on the number of threads, its 3-channel NHWC case falls to a reference
// loop, and it multiplies the zeros of the border, which are half of the work on the 3x2 maps that a ResNet has at
// 80x60.
//
// Products work on packed elements of 32 bits: one f32, or, where the CPU multiplies bf16 (kPairs), two bf16 whose
// products are added at once: two neighboring channels for y and dx, the same number of two images for dw.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>

#include "kernels/activation/activation_simd.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/conv2d/conv2d_depthwise.h"
#include "kernels/conv2d/conv2d_gather.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/simd.h"

namespace pc::conv2d::PC_VARIANT {

using simd::f32x;
using simd::kLanes;
using simd::load;
using simd::store;

#if defined(__AVX512BF16__)
constexpr bool kPairs = true;
#else
constexpr bool kPairs = false;
#endif
constexpr RegisterTile kTile = register_tile(kLanes, kPairs);
constexpr int kRows = kTile.rows, kBlock = kTile.block;

// sum + element * b in every lane.
template <bool Pairs>
f32x multiply_add(f32x sum, const float* element, f32x b) {
#if defined(__AVX512BF16__)
  if constexpr (Pairs)
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(std::bit_cast<int>(*element)), (__m512bh)b);
#endif
  return sum + simd::splat(*element) * b;
}

inline uint32_t bits_of(float v) { return bf16(v).bits; }
inline uint32_t bits_of(bf16 v) { return v.bits; }
template <class T>
float pack_pair(T low, T high) {
  return std::bit_cast<float>(bits_of(low) | bits_of(high) << 16);
}

// --- y and dx ---

// The filter as the gather reads it: for every kBlock output channels (zeros after the last) a panel [r][s][c][kBlock]
// of packed elements.
struct Panels {
  std::function<void(int64_t block, float* panel)> make = {};
  const float* ready = nullptr;  // all of them, one after the other; if null, `make` is called
};
// Of one group, whose filters begin at w.
Panels forward_panels(const Conv2dShape&, DType, bool pairs, const void* w);   // outputs k, inputs c
Panels backward_panels(const Conv2dShape&, DType, bool pairs, const void* w);  // outputs c, inputs k
Buffer make_all(const Panels&, int64_t blocks, int64_t panel_size);

// What happens to a sum before it is stored: + bias[o], + residual (laid out and typed as out; may be out), activation.
struct Epilogue {
  const float* bias = nullptr;
  const void* residual = nullptr;
  Activation activation = Activation::none;
};
// The same on a vector of channels from `channel` on; residual: of these, or null.
template <class T, class Count>
[[gnu::always_inline]] inline f32x finish(f32x sum, const Epilogue& e, int64_t channel, const T* residual,
                                          Count count) {
  if (e.bias) sum += load(e.bias + channel, count);
  if (residual) sum += load(residual, count);
  return simd::activate(sum, e.activation);
}
void run(const GatherPlan&, const float* in, const Panels&, const Epilogue&, DType out_type, void* out);

// sums[m][kBlock] = sum over c of rows[m][c] * panel[c][kBlock], 1 <= height <= kRows.
void multiply(const float* const* rows, int height, int channels, const float* panel, float* sums);

// Copy with a border of zeros left and right of each row and `pitch` >= c elements from pixel to pixel (those after c
// are never read).
Buffer padded_copy(const Images&, DType from, const void* x, DType to, const Border& border, int pitch);

// --- y of inference, f32, in fewer products ---

// outputs: 2 or 4, see winograd_outputs().
Buffer winograd_panels(int outputs, const Conv2dShape&, const float* w);  // w KRSC, 3x3
// For images of any h and w.
void winograd(int outputs, const Conv2dShape&, const float* x, const float* panels, const Epilogue&, float* y);

// --- dw ---

// dw (KRSC) of one group = sum over n,p,q of dy * x; x and dy begin at its channels. The order of every sum depends on
// the shape only.
void weight_gradient(const Conv2dShape&, DType, const void* x, const void* dy, float* dw);

// --- bias ---

void backward_bias(const Conv2dShape&, DType, const void* dy, float* db);

// --- depthwise ---

// The filter as [r][s][c], f32.
Buffer depthwise_panel(const Conv2dShape&, DType, const void* w);
// y, or dx without an epilogue but a residual; in and out are of `dtype`.
void depthwise(const DepthwisePlan&, DType dtype, const void* in, const float* panel, const Epilogue&, void* out);
void depthwise_weight_gradient(const Conv2dShape&, DType, const void* x, const void* dy, float* dw);

}  // namespace pc::conv2d::PC_VARIANT
