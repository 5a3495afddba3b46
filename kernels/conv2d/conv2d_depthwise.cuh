// Shared by the depthwise kernels: a thread computes kColumns neighboring pixels of a row, in one vec8 of channels, and
// keeps the pixels of x below one filter row in registers: that many 16-byte loads are in flight at once.
#pragma once

#include <type_traits>

#include "kernels/conv2d/conv2d.h"
#include "kernels/runtime/launch.cuh"

namespace pc {

constexpr int kDepthwiseThreads = 256;
constexpr int kColumns = 4;  // pixels of the result that a thread computes

// Pixels of the input below `Taps` taps of a filter row for kColumns results, `Step` pixels apart.
template <int Taps, int Step>
constexpr int kPixels = (kColumns - 1) * Step + Taps;

// Whether pixel i of a row meets tap u for a result of the thread, and which one.
template <int Step>
__device__ constexpr bool meets(int i, int u) {
  return i >= u && (i - u) % Step == 0 && (i - u) / Step < kColumns;
}

// Pixels [first, first + N) of a row of `width` pixels, `c` channels apart; those outside it are not read.
template <class T, int N>
__device__ inline void load_pixels(const T* row, int first, int width, int count, int c, Vec8<T> (&to)[N]) {
#pragma unroll
  for (int i = 0; i < N; ++i)
    if (i < count && first + i >= 0 && first + i < width)
      to[i] = *reinterpret_cast<const Vec8<T>*>(row + int64_t(first + i) * c);
}

template <class T>
__device__ inline void to_floats(const Vec8<T>& from, float (&to)[kVecWidth]) {
#pragma unroll
  for (int k = 0; k < kVecWidth; ++k) to[k] = to_float(from.value[k]);
}

// Calls f(the taps of a row, the step) as constants and returns true, if a kernel was compiled for so many.
template <class F>
bool with_taps(int taps, int step, F&& f) {
  const auto sized = [&](auto constant_step) {
    if (taps <= 3) return f(std::integral_constant<int, 3>(), constant_step), true;
    if (taps <= 5) return f(std::integral_constant<int, 5>(), constant_step), true;
    if (taps <= 7) return f(std::integral_constant<int, 7>(), constant_step), true;
    return false;
  };
  if (step == 1) return sized(std::integral_constant<int, 1>());
  if (step == 2) return sized(std::integral_constant<int, 2>());
  return false;
}

}  // namespace pc
