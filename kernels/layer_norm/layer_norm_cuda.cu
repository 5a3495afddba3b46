// layer_norm on CUDA: a power of two of lanes, at most a warp, takes one row; after its first pass the row comes from the
// cache. The parameters' gradients have a launch of their own, over columns.
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/runtime/column_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kThreads = 256;

// The lanes of a row: enough for its vec8s.
int lanes_of(int c) {
  int lanes = 1;
  while (lanes < 32 && lanes * kVecWidth < c) lanes *= 2;
  return lanes;
}

// The sum over a row's lanes, in each of them. All 32 lanes of the warp must call it.
__device__ inline float lanes_sum(float v, int lanes) {
  for (int lane = lanes / 2; lane > 0; lane /= 2) v += __shfl_xor_sync(0xffffffffu, v, lane);
  return v;
}

// f(c, count) for the vec8s of a row that this lane has; count is 0 nowhere.
template <class F>
__device__ inline void for_each_own_vec8(int channels, int lanes, F&& f) {
#pragma unroll 2
  for (int c = int(threadIdx.x) % lanes * kVecWidth; c < channels; c += lanes * kVecWidth)
    f(c, min(kVecWidth, channels - c));
}

template <class T, bool Aligned>
__global__ void forward_kernel(LayerNormShape s, int lanes, LayerNormForward a) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x / lanes;
  // A warp's rows begin and end together: rows past the end are empty, and their lanes stay for the sums.
  const int64_t own = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / lanes, lead = own - threadIdx.x % 32 / lanes;
  for (int64_t first = lead; first < s.rows; first += step) {
    const int64_t row = first + (own - lead);
    const int channels = row < s.rows ? s.c : 0;
    const T* x = static_cast<const T*>(a.x) + row * s.c;
    T* y = static_cast<T*>(a.y) + row * s.c;
    float v[kVecWidth], gamma[kVecWidth], beta[kVecWidth], sum = 0, squares = 0;
    for_each_own_vec8(channels, lanes, [&](int c, int count) {
      load_vec8<Aligned>(x + c, count, v);
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) sum += v[j];
    });
    const float mean = lanes_sum(sum, lanes) / float(s.c);
    for_each_own_vec8(channels, lanes, [&](int c, int count) {
      load_vec8<Aligned>(x + c, count, v);
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) squares += j < count ? (v[j] - mean) * (v[j] - mean) : 0.0f;
    });
    const float invstd = 1 / sqrtf(lanes_sum(squares, lanes) / float(s.c) + s.eps);
    for_each_own_vec8(channels, lanes, [&](int c, int count) {
      load_vec8<Aligned>(x + c, count, v);
      load_vec8<Aligned>(a.gamma + c, count, gamma);
      load_vec8<Aligned>(a.beta + c, count, beta);
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) v[j] = (v[j] - mean) * invstd * gamma[j] + beta[j];
      store_vec8<Aligned>(y + c, count, v);
    });
    if (channels > 0 && threadIdx.x % lanes == 0) a.mean[row] = mean, a.invstd[row] = invstd;
  }
}

template <class T, bool Aligned>
__global__ void backward_kernel(LayerNormShape s, int lanes, LayerNormBackward a) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x / lanes;
  const int64_t own = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / lanes, lead = own - threadIdx.x % 32 / lanes;
  for (int64_t first = lead; first < s.rows; first += step) {
    const int64_t row = first + (own - lead);
    const int channels = row < s.rows ? s.c : 0;
    const T* dy = static_cast<const T*>(a.dy) + row * s.c;
    const T* x = static_cast<const T*>(a.x) + row * s.c;
    T* dx = static_cast<T*>(a.dx) + row * s.c;
    const float mean = channels > 0 ? a.mean[row] : 0, invstd = channels > 0 ? a.invstd[row] : 0;
    float g[kVecWidth], v[kVecWidth], gamma[kVecWidth], sum = 0, product = 0;
    for_each_own_vec8(channels, lanes, [&](int c, int count) {
      load_vec8<Aligned>(dy + c, count, g);
      load_vec8<Aligned>(x + c, count, v);
      load_vec8<Aligned>(a.gamma + c, count, gamma);
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) sum += g[j] * gamma[j], product += g[j] * gamma[j] * ((v[j] - mean) * invstd);
    });
    const float mean_g = lanes_sum(sum, lanes) / float(s.c), slope = lanes_sum(product, lanes) / float(s.c);
    for_each_own_vec8(channels, lanes, [&](int c, int count) {
      load_vec8<Aligned>(dy + c, count, g);
      load_vec8<Aligned>(x + c, count, v);
      load_vec8<Aligned>(a.gamma + c, count, gamma);
#pragma unroll
      for (int j = 0; j < kVecWidth; ++j) v[j] = invstd * (g[j] * gamma[j] - mean_g - (v[j] - mean) * invstd * slope);
      store_vec8<Aligned>(dx + c, count, v);
    });
  }
}

// partial: the sums of dy * xhat, then of dy, each [parts, c].
template <class T, bool Aligned>
__global__ void column_kernel(LayerNormShape s, int64_t part_rows, LayerNormBackward a, float* partial) {
  __shared__ float scratch[kRowThreads * kVecWidth];
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x) * kVecWidth, count = min(kVecWidth, s.c - c);
  const int64_t begin = blockIdx.y * part_rows + threadIdx.y, end = min(s.rows, (blockIdx.y + 1) * part_rows);
  float product[kVecWidth] = {}, sum[kVecWidth] = {};
  if (count > 0)
    for_each_row<Aligned, 2>(begin, end, blockDim.y, s.c, count,
                             {static_cast<const T*>(a.dy) + c, static_cast<const T*>(a.x) + c},
                             [&](int64_t row, float(&v)[2][kVecWidth]) {
                               const float mean = a.mean[row], invstd = a.invstd[row];
#pragma unroll
                               for (int j = 0; j < kVecWidth; ++j)
                                 product[j] += v[0][j] * ((v[1][j] - mean) * invstd), sum[j] += v[0][j];
                             });
  sum_over_rows(product, scratch);
  sum_over_rows(sum, scratch);
  if (count <= 0 || threadIdx.y > 0) return;
  float* to = partial + int64_t(blockIdx.y) * s.c + c;
  store_vec8<Aligned>(to, count, product);
  store_vec8<Aligned>(to + int64_t(gridDim.y) * s.c, count, sum);
}

__global__ void combine_kernel(int parts, int c, const float* partial, float* dgamma, float* dbeta) {
  combine_parts(c, parts, c, partial, dgamma);
  combine_parts(c, parts, c, partial + int64_t(parts) * c, dbeta);
}

void forward(const LayerNormShape& s, DType dtype, const LayerNormForward& a) {
  const int lanes = lanes_of(s.c);
  with_float_type("layer_norm", dtype, [&](auto element) {
    with_flag(s.c % kVecWidth == 0 && aligned16({a.x, a.gamma, a.beta, a.y}), [&](auto aligned) {
      launch(grid_for(s.rows * lanes, kThreads), kThreads, forward_kernel<decltype(element), aligned.value>, s, lanes,
             a);
    });
  });
}

void backward(const LayerNormShape& s, DType dtype, const LayerNormBackward& a) {
  const int lanes = lanes_of(s.c);
  const RowTiling tiling = row_tiling(1, s.rows, s.c);
  const Buffer partial(Device::cuda, std::size_t(tiling.parts()) * 2 * std::size_t(s.c) * sizeof(float));
  with_float_type("layer_norm", dtype, [&](auto element) {
    with_flag(s.c % kVecWidth == 0 && aligned16({a.dy, a.x, a.gamma, a.dx}), [&](auto aligned) {
      using T = decltype(element);
      launch(grid_for(s.rows * lanes, kThreads), kThreads, backward_kernel<T, aligned.value>, s, lanes, a);
      launch(tiling.grid, tiling.block, column_kernel<T, aligned.value>, s, tiling.part_rows, a, partial.as<float>());
    });
  });
  launch(grid_for(s.c, 256), 256, combine_kernel, int(tiling.parts()), s.c, partial.as<float>(), a.dgamma, a.dbeta);
}

}  // namespace

const LayerNormKernels layer_norm_cuda{.forward = forward, .backward = backward};

}  // namespace pc
