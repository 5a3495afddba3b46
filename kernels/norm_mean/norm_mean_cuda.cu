// norm_mean on CUDA: a block owns an image (blockIdx.x) and up to 32 vec8s of its channels (threadIdx.x, blockIdx.y).
// The positions are divided among the rows of threads (threadIdx.y), whose partial sums are combined in order.
//
// saved: per image and channel, the number of positions with z > 0 [n, c], then the sum of x - mean over these
// positions [n, c], both f32; then the mask.
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/norm_mean/norm_mean.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kSums = 3;  // of z, of the positions with z > 0, of x - mean there

int64_t values(const NormMeanShape& s) { return int64_t(s.n) * s.c; }
int64_t sums_bytes(const NormMeanShape& s) { return 2 * values(s) * int64_t(sizeof(float)); }
int64_t saved_bytes(const NormMeanShape& s) { return sums_bytes(s) + s.norm().mask_bytes(); }

// Adds up the threads' kSums partial sums per channel, for the block's channels, which begin at c0, and calls
// out(channel, totals) for each. All threads of the block must call it.
template <class Out>
__device__ inline void combine_partials(int channels, int c0, const float (&found)[kSums][kVecWidth], Out out) {
  __shared__ float partials[kSums][kBatchNormThreads * kVecWidth];
  const int width = int(blockDim.x) * kVecWidth;
#pragma unroll
  for (int j = 0; j < kSums; ++j)
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k)
      partials[j][int(threadIdx.y) * width + int(threadIdx.x) * kVecWidth + k] = found[j][k];
  __syncthreads();
  const int channel = int(threadIdx.y * blockDim.x + threadIdx.x);  // now one thread per channel
  if (channel >= width || c0 + channel >= channels) return;
  double totals[kSums] = {};
  for (int y = 0; y < int(blockDim.y); ++y)
#pragma unroll
    for (int j = 0; j < kSums; ++j) totals[j] += double(partials[j][y * width + channel]);
  out(c0 + channel, totals);
}

template <class T, bool Aligned>
__global__ void forward_kernel(NormMeanShape s, BatchNormForward a, float* sums, uint8_t* mask) {
  const int c0 = int(blockIdx.y * blockDim.x) * kVecWidth, c = c0 + int(threadIdx.x) * kVecWidth,
            count = min(kVecWidth, s.c - c), vec8s = (s.c + kVecWidth - 1) / kVecWidth;
  float found[kSums][kVecWidth] = {};
  if (count > 0) {
    float mean[kVecWidth], scale[kVecWidth], beta[kVecWidth], x[kVecWidth], other[kVecWidth] = {};
    load_vec8<Aligned>(a.mean + c, count, mean);
    load_vec8<Aligned>(a.gamma + c, count, scale);
    load_vec8<Aligned>(a.invstd + c, count, x);
    load_vec8<Aligned>(a.beta + c, count, beta);
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) scale[k] *= x[k];
    for (int i = int(threadIdx.y); i < s.hw; i += int(blockDim.y)) {
      const int64_t row = int64_t(blockIdx.x) * s.hw + i, at = row * s.c + c;
      load_vec8<Aligned>(static_cast<const T*>(a.x) + at, count, x);
      if (a.residual) load_vec8<Aligned>(static_cast<const T*>(a.residual) + at, count, other);
      unsigned bits = 0;
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) {
        const float d = x[k] - mean[k], v = d * scale[k] + beta[k] + other[k];
        const bool positive = v > 0;
        found[0][k] += v < 0 ? 0.0f : v;  // propagates NaN
        found[1][k] += positive ? 1.0f : 0.0f;
        found[2][k] += positive ? d : 0.0f;
        bits |= unsigned(positive) << k;
      }
      if (mask) mask[row * vec8s + c / kVecWidth] = uint8_t(bits);
    }
  }
  combine_partials(s.c, c0, found, [&](int channel, const double(&totals)[kSums]) {
    const int64_t at = int64_t(blockIdx.x) * s.c + channel;
    static_cast<T*>(a.y)[at] = from_float<T>(float(totals[0] / s.hw));
    if (!sums) return;
    sums[at] = float(totals[1]);
    sums[int64_t(s.n) * s.c + at] = float(totals[2]);
  });
}

// partial: per image, the sums of g [n, c], then of g * (x - mean) [n, c].
template <class T>
__global__ void image_sums_kernel(NormMeanShape s, const T* dy, const float* sums, float* partial) {
  const int64_t total = int64_t(s.n) * s.c, step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const float g = to_float(dy[i]) / float(s.hw);
    partial[i] = g * sums[i];
    partial[total + i] = g * sums[total + i];
  }
}

template <class T, bool Aligned>
__global__ void apply_gradients_kernel(NormMeanShape s, BatchNormBackward a, const uint8_t* mask, const float* shifts) {
  const int vec8 = int(blockIdx.y * blockDim.x + threadIdx.x), c = vec8 * kVecWidth, count = min(kVecWidth, s.c - c),
            vec8s = (s.c + kVecWidth - 1) / kVecWidth;
  if (count <= 0) return;
  float mean[kVecWidth], scale[kVecWidth], shift[kVecWidth], slope[kVecWidth], x[kVecWidth], dy[kVecWidth],
      g[kVecWidth];
  load_vec8<Aligned>(a.mean + c, count, mean);
  load_vec8<Aligned>(a.gamma + c, count, scale);
  load_vec8<Aligned>(a.invstd + c, count, x);
  load_vec8<Aligned>(shifts + c, count, shift);
  load_vec8<Aligned>(shifts + s.c + c, count, slope);
  load_vec8<Aligned>(static_cast<const T*>(a.dy) + int64_t(blockIdx.x) * s.c + c, count, dy);
#pragma unroll
  for (int k = 0; k < kVecWidth; ++k) scale[k] *= x[k], dy[k] /= float(s.hw);
  for (int i = int(threadIdx.y); i < s.hw; i += int(blockDim.y)) {
    const int64_t row = int64_t(blockIdx.x) * s.hw + i, at = row * s.c + c;
    const unsigned bits = mask[row * vec8s + vec8];
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) g[k] = bits >> k & 1 ? dy[k] : 0.0f;
    if (a.dresidual) store_vec8<Aligned>(static_cast<T*>(a.dresidual) + at, count, g);
    if (a.training) {
      load_vec8<Aligned>(static_cast<const T*>(a.x) + at, count, x);
#pragma unroll
      for (int k = 0; k < kVecWidth; ++k) g[k] -= shift[k] + (x[k] - mean[k]) * slope[k];
    }
#pragma unroll
    for (int k = 0; k < kVecWidth; ++k) g[k] *= scale[k];
    store_vec8<Aligned>(static_cast<T*>(a.dx) + at, count, g);
  }
}

// The forward pass, after mean and invstd are computed.
void apply(const NormMeanShape& s, DType dtype, const BatchNormForward& a) {
  const BatchNormShape norm = s.norm();
  float* const sums = reinterpret_cast<float*>(a.mask);
  uint8_t* const mask = sums ? a.mask + sums_bytes(s) : nullptr;
  const BatchNormTiling tiling = batch_norm_tiling(norm);
  with_float_type("norm_mean", dtype, [&](auto element) {
    with_flag(batch_norm_aligned(norm, {a.x, a.gamma, a.beta, a.residual, a.mean, a.invstd}), [&](auto aligned) {
      launch({unsigned(s.n), tiling.columns}, tiling.block, forward_kernel<decltype(element), aligned.value>, s, a,
             sums, mask);
    });
  });
}

void forward_train(const NormMeanShape& s, DType dtype, const BatchNormForward& a) {
  batch_norm_moments(s.norm(), dtype, a);
  apply(s, dtype, a);
}

void forward_eval(const NormMeanShape& s, DType dtype, const BatchNormForward& a) {
  batch_norm_running_moments(s.norm(), a);
  apply(s, dtype, a);
}

void backward(const NormMeanShape& s, DType dtype, const BatchNormBackward& a) {
  const BatchNormShape norm = s.norm();
  const float* const sums = reinterpret_cast<const float*>(a.mask);
  const uint8_t* const mask = a.mask + sums_bytes(s);
  const BatchNormTiling tiling = batch_norm_tiling(norm);
  const Buffer partial(Device::cuda, std::size_t(sums_bytes(s)));
  const Buffer shifts(Device::cuda, std::size_t(s.c) * 2 * sizeof(float));
  with_float_type("norm_mean", dtype, [&](auto element) {
    using T = decltype(element);
    launch(grid_for(values(s), 256), 256, image_sums_kernel<T>, s, static_cast<const T*>(a.dy), sums,
           partial.as<float>());
    batch_norm_combine_gradients(norm, unsigned(s.n), partial.as<float>(), a, shifts.as<float>());
    with_flag(batch_norm_aligned(norm, {a.dy, a.x, a.gamma, a.mean, a.invstd, a.dx, a.dresidual}), [&](auto aligned) {
      launch({unsigned(s.n), tiling.columns}, tiling.block, apply_gradients_kernel<T, aligned.value>, s, a, mask,
             shifts.as<float>());
    });
  });
}

}  // namespace

const NormMeanKernels norm_mean_cuda{
    .saved_bytes = saved_bytes, .forward_train = forward_train, .forward_eval = forward_eval, .backward = backward};

}  // namespace pc
