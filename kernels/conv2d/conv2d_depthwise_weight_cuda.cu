// dw of depthwise convolutions on CUDA: a block takes one row of the filter, some channels and a part of all pixels of
// y; then the parts are summed in their order. How many parts there are depends on the shape alone.
#include <algorithm>

#include "kernels/conv2d/conv2d_depthwise.cuh"
#include "kernels/conv2d/conv2d_kernels.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

// Of a thread: `tile` counts runs of pixels of y, `width` of them in a row.
struct TileCoord {
  int64_t image;
  int p, run;
};
__device__ inline TileCoord coord_of(uint32_t tile, uint32_t width, uint32_t rows) {
  const uint32_t line = tile / width;
  return {int64_t(line / rows), int(line % rows), int(tile - line * width)};
}

// The tiles of part blockIdx.x of gridDim.x.
struct Range {
  uint32_t first, end;
};
__device__ inline Range part_of(uint32_t tiles) {
  const uint64_t parts = gridDim.x;
  return {uint32_t(uint64_t(tiles) * blockIdx.x / parts), uint32_t(uint64_t(tiles) * (blockIdx.x + 1) / parts)};
}

// partials[part][tap][c]; blockDim: x vec8s of channels, y runs of pixels. gridDim: parts, filter rows, channels.
// One block per multiprocessor may be all: held to the registers of two, the 3x3 filter spills.
template <class T, int Taps, int Step>
__global__ void __launch_bounds__(kDepthwiseThreads, 1)
    weight_kernel(Conv2dShape s, const T* x, const T* dy, float* partials) {
  constexpr int kCount = kPixels<Taps, Step>;
  __shared__ float scratch[kDepthwiseThreads][kVecWidth];
  const int r = int(blockIdx.y), c = int(blockIdx.z * blockDim.x + threadIdx.x) * kVecWidth;
  const uint32_t width = uint32_t(s.q() + kColumns - 1) / kColumns;
  const Range part = part_of(uint32_t(s.n) * s.p() * width);
  float sum[Taps][kVecWidth] = {};
  for (uint32_t tile = part.first + threadIdx.y; tile < part.end && c < s.c; tile += blockDim.y) {
    const TileCoord at = coord_of(tile, width, uint32_t(s.p()));
    const int h = at.p * Step + r - s.pad.top, q = at.run * kColumns, w = q * Step - s.pad.left;
    if (h < 0 || h >= s.h) continue;
    Vec8<T> pixels[kCount] = {}, gradients[kColumns] = {};
    load_pixels(x + (at.image * s.h + h) * s.w * s.c + c, w, s.w, (kColumns - 1) * Step + s.s, s.c, pixels);
    load_pixels(dy + (at.image * s.p() + at.p) * s.q() * s.c + c, q, s.q(), kColumns, s.c, gradients);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (w + i < 0 || w + i >= s.w) continue;  // no product with 0: the gradient may be infinite
      float v[kVecWidth];
      to_floats(pixels[i], v);
#pragma unroll
      for (int u = 0; u < Taps; ++u)
        if (meets<Step>(i, u) && u < s.s && q + (i - u) / Step < s.q()) {
#pragma unroll
          for (int k = 0; k < kVecWidth; ++k) sum[u][k] += v[k] * to_float(gradients[(i - u) / Step].value[k]);
        }
    }
  }
  const int lane = int(threadIdx.y * blockDim.x + threadIdx.x);
#pragma unroll
  for (int u = 0; u < Taps; ++u) {
    if (u >= s.s) break;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) scratch[lane][k] = sum[u][k];
    __syncthreads();
    for (int i = lane; i < int(blockDim.x) * kVecWidth; i += int(blockDim.x * blockDim.y)) {
      const int channel = int(blockIdx.z * blockDim.x) * kVecWidth + i;
      float total = 0;
      for (int y = 0; y < int(blockDim.y); ++y) total += scratch[y * int(blockDim.x) + i / kVecWidth][i % kVecWidth];
      if (channel < s.c) partials[((int64_t(blockIdx.x) * s.r + r) * s.s + u) * s.c + channel] = total;
    }
  }
}

// Any filter, stride and number of channels. blockDim: x channels, y pixels. gridDim: parts, taps, channels.
template <class T>
__global__ void plain_weight_kernel(Conv2dShape s, const T* x, const T* dy, float* partials) {
  __shared__ float scratch[kDepthwiseThreads];
  const int r = int(blockIdx.y) / s.s, u = int(blockIdx.y) % s.s, c = int(blockIdx.z * blockDim.x + threadIdx.x);
  const Range part = part_of(uint32_t(s.n) * s.p() * s.q());
  float sum = 0;
  for (uint32_t pixel = part.first + threadIdx.y; pixel < part.end && c < s.c; pixel += blockDim.y) {
    const TileCoord at = coord_of(pixel, uint32_t(s.q()), uint32_t(s.p()));
    const int h = at.p * s.stride + r - s.pad.top, w = at.run * s.stride + u - s.pad.left;
    if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
    sum += to_float(x[((at.image * s.h + h) * s.w + w) * s.c + c]) * to_float(dy[int64_t(pixel) * s.c + c]);
  }
  scratch[threadIdx.y * blockDim.x + threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || c >= s.c) return;
  float total = 0;
  for (int y = 0; y < int(blockDim.y); ++y) total += scratch[y * int(blockDim.x) + int(threadIdx.x)];
  partials[(int64_t(blockIdx.x) * gridDim.y + blockIdx.y) * s.c + c] = total;
}

// dw[c][tap] = the sum of the parts
__global__ void total_kernel(int parts, int taps, int channels, const float* partials, float* dw) {
  const int total = taps * channels;
  for (int i = int(blockIdx.x * blockDim.x + threadIdx.x); i < total; i += int(gridDim.x * blockDim.x)) {
    float sum = 0;
    for (int part = 0; part < parts; ++part) sum += partials[int64_t(part) * total + i];
    dw[int64_t(i % channels) * taps + i / channels] = sum;
  }
}

// Threads along the vec8s of channels: at most 32, and of these as many as leave the fewest idle in the last block.
unsigned lanes_for(int vec8s) {
  int best = std::min(vec8s, 32);
  const auto idle = [&](int lanes) { return ceil_div(vec8s, lanes) * lanes - vec8s; };
  for (int lanes = best; lanes >= 8; --lanes)
    if (idle(lanes) < idle(best)) best = lanes;
  return unsigned(best);
}

// So many that a thread takes about 16 steps; each part costs a pass over its sums.
unsigned parts_for(int64_t steps, unsigned threads) {
  return unsigned(std::clamp<int64_t>(steps / (int64_t(threads) * 16), 1, 128));
}

template <class T>
void run(const Conv2dShape& s, const T* x, const T* dy, float* dw) {
  const int taps = s.r * s.s;
  const int64_t lines = int64_t(s.n) * s.p();
  if (lines * s.q() > INT32_MAX) fail_shape("conv2d: more pixels than one depthwise launch can count");
  unsigned parts = 0;
  Buffer partials;
  const auto launch_parts = [&](auto* kernel, int64_t steps, unsigned lanes, int64_t columns, int rows) {
    const dim3 block(lanes, kDepthwiseThreads / lanes);
    parts = parts_for(steps, block.y);
    partials = Buffer(Device::cuda, std::size_t(parts) * std::size_t(taps) * std::size_t(s.c) * sizeof(float));
    launch(dim3(parts, unsigned(rows), unsigned(ceil_div(columns, lanes))), block, kernel, s, x, dy,
           partials.as<float>());
  };
  const bool aligned = s.c % kVecWidth == 0 && aligned16({x, dy});
  const auto sized = [&](auto constant_taps, auto step) {
    const int vec8s = s.c / kVecWidth;
    launch_parts(weight_kernel<T, constant_taps.value, step.value>, lines * ceil_div(s.q(), kColumns), lanes_for(vec8s),
                 vec8s, s.r);
  };
  if (!aligned || !with_taps(s.s, s.stride, sized)) launch_parts(plain_weight_kernel<T>, lines * s.q(), 32, s.c, taps);
  launch(grid_for(int64_t(taps) * s.c, kDepthwiseThreads), kDepthwiseThreads, total_kernel, int(parts), taps, s.c,
         partials.as<float>(), dw);
}

}  // namespace

void conv2d_depthwise_weight(const Conv2dShape& s, DType dtype, const void* x, const void* dy, float* dw) {
  with_float_type("conv2d", dtype, [&](auto element) {
    using T = decltype(element);
    run(s, static_cast<const T*>(x), static_cast<const T*>(dy), dw);
  });
}

}  // namespace pc
