// Batch normalization on CUDA: the elementwise passes, and the sums of the gradients; batch_norm_sums.cuh has the rest.
#include "kernels/activation/activation.cuh"
#include "kernels/batch_norm/batch_norm_persistent.h"
#include "kernels/batch_norm/batch_norm_sums.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

// Recomputes: for activations whose backward pass computes z again; relu and none stay in kernels of few registers.
template <class T, bool Aligned, bool Recomputes>
__global__ void apply_kernel(BatchNormShape s, BatchNormForward a) {
  const int vec8 = int(blockIdx.x * blockDim.x + threadIdx.x), c = vec8 * kVecWidth, count = min(kVecWidth, s.c - c);
  if (count <= 0) return;
  float mean[kVecWidth], scale[kVecWidth], beta[kVecWidth], v[kVecWidth], other[kVecWidth];
  load_vec8<Aligned>(a.mean + c, count, mean);
  load_vec8<Aligned>(a.gamma + c, count, scale);
  load_vec8<Aligned>(a.invstd + c, count, v);
  load_vec8<Aligned>(a.beta + c, count, beta);
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i) scale[i] *= v[i];
  const int64_t mask_row = (s.c + kVecWidth - 1) / kVecWidth, step = int64_t(gridDim.y) * blockDim.y;
  for (int64_t row = int64_t(blockIdx.y) * blockDim.y + threadIdx.y; row < s.rows; row += step) {
    const int64_t at = row * s.c + c;
    load_vec8<Aligned>(static_cast<const T*>(a.x) + at, count, v);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) v[i] = (v[i] - mean[i]) * scale[i] + beta[i];
    if (a.residual) {
      load_vec8<Aligned>(static_cast<const T*>(a.residual) + at, count, other);
#pragma unroll
      for (int i = 0; i < kVecWidth; ++i) v[i] += other[i];
    }
    if constexpr (Recomputes) {
      with_activation(a.activation, [&](auto kind) {
#pragma unroll
        for (int i = 0; i < kVecWidth; ++i) v[i] = activate<kind.value>(v[i]);
      });
    } else if (a.activation == Activation::relu) {
      unsigned bits = 0;
#pragma unroll
      for (int i = 0; i < kVecWidth; ++i) {
        v[i] = v[i] < 0 ? 0.0f : v[i];  // propagates NaN
        bits |= unsigned(rounded<T>(v[i]) > 0) << i;
      }
      if (a.mask) a.mask[row * mask_row + vec8] = uint8_t(bits);
    }
    store_vec8<Aligned>(static_cast<T*>(a.y) + at, count, v);
  }
}

// What z is computed from.
template <bool Aligned>
struct ScaleAndShift {
  float scale[kVecWidth], beta[kVecWidth];
  __device__ ScaleAndShift(const BatchNormBackward& a, int c, int count) {
    float invstd[kVecWidth];
    load_vec8<Aligned>(a.gamma + c, count, scale);
    load_vec8<Aligned>(a.invstd + c, count, invstd);
    load_vec8<Aligned>(a.beta + c, count, beta);
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) scale[i] *= invstd[i];
  }
};

struct Nothing {};

// Read once per thread where they are needed.
template <bool Recomputes, bool Aligned>
__device__ inline auto vectors_of_z(const BatchNormBackward& a, int c, int count) {
  if constexpr (Recomputes)
    return ScaleAndShift<Aligned>(a, c, count);
  else
    return Nothing();
}

// g *= f'(z)
template <bool Aligned>
__device__ inline void through_activation(Activation activation, const ScaleAndShift<Aligned>& z,
                                          const float (&x)[kVecWidth], const float (&mean)[kVecWidth],
                                          float (&g)[kVecWidth]) {
  with_activation(activation, [&](auto kind) {
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) g[i] *= activation_slope<kind.value>((x[i] - mean[i]) * z.scale[i] + z.beta[i]);
  });
}

// g: dy where the mask bit is set, 0 elsewhere.
template <bool Aligned, class T>
__device__ inline void load_gradient(const BatchNormBackward& a, const T* dy, int64_t mask_at, int count,
                                     float (&g)[kVecWidth]) {
  load_vec8<Aligned>(dy, count, g);
  if (!a.mask) return;
  const unsigned bits = a.mask[mask_at];
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i) g[i] = bits >> i & 1 ? g[i] : 0.0f;
}

// partial: sums of g [parts, c], then of g * (x - mean) [parts, c].
template <class T, bool Aligned, bool Recomputes>
__global__ void gradient_sums_kernel(BatchNormShape s, int64_t per_part, BatchNormBackward a, float* partial) {
  __shared__ float sums[kBatchNormThreads * kVecWidth], products[kBatchNormThreads * kVecWidth];
  const int c0 = int(blockIdx.x * blockDim.x) * kVecWidth, c = c0 + int(threadIdx.x) * kVecWidth,
            count = min(kVecWidth, s.c - c);
  const int64_t mask_row = (s.c + kVecWidth - 1) / kVecWidth;
  const BatchNormRows rows = batch_norm_rows(s.rows, per_part, blockIdx.y);
  float sum[kVecWidth] = {}, product[kVecWidth] = {}, mean[kVecWidth] = {}, x[kVecWidth], g[kVecWidth];
  if (count > 0) {
    load_vec8<Aligned>(a.mean + c, count, mean);
    const auto z = vectors_of_z<Recomputes, Aligned>(a, c, count);
#pragma unroll 2
    for (int64_t row = rows.begin + threadIdx.y; row < rows.end; row += blockDim.y) {
      const int64_t at = row * s.c + c;
      load_vec8<Aligned>(static_cast<const T*>(a.x) + at, count, x);
      load_gradient<Aligned>(a, static_cast<const T*>(a.dy) + at, row * mask_row + c / kVecWidth, count, g);
      if constexpr (Recomputes) through_activation(a.activation, z, x, mean, g);
#pragma unroll
      for (int i = 0; i < kVecWidth; ++i) {
        sum[i] += g[i];
        product[i] += g[i] * (x[i] - mean[i]);
      }
    }
  }
  batch_norm_store_sums(s.c, c0, sum, product, sums, products, partial);
}

template <class T, bool Aligned, bool Recomputes>
__global__ void apply_gradients_kernel(BatchNormShape s, BatchNormBackward a, const float* shifts) {
  const int vec8 = int(blockIdx.x * blockDim.x + threadIdx.x), c = vec8 * kVecWidth, count = min(kVecWidth, s.c - c);
  if (count <= 0) return;
  float mean[kVecWidth], scale[kVecWidth], shift[kVecWidth], slope[kVecWidth], x[kVecWidth], g[kVecWidth];
  load_vec8<Aligned>(a.mean + c, count, mean);
  load_vec8<Aligned>(a.gamma + c, count, scale);
  load_vec8<Aligned>(a.invstd + c, count, x);
  load_vec8<Aligned>(shifts + c, count, shift);
  load_vec8<Aligned>(shifts + s.c + c, count, slope);
  const auto z = vectors_of_z<Recomputes, Aligned>(a, c, count);
#pragma unroll
  for (int i = 0; i < kVecWidth; ++i) scale[i] *= x[i];
  const int64_t mask_row = (s.c + kVecWidth - 1) / kVecWidth, step = int64_t(gridDim.y) * blockDim.y;
  for (int64_t row = int64_t(blockIdx.y) * blockDim.y + threadIdx.y; row < s.rows; row += step) {
    const int64_t at = row * s.c + c;
    load_gradient<Aligned>(a, static_cast<const T*>(a.dy) + at, row * mask_row + vec8, count, g);
    if constexpr (Recomputes) {
      load_vec8<Aligned>(static_cast<const T*>(a.x) + at, count, x);
      through_activation(a.activation, z, x, mean, g);
    }
    if (a.dresidual) store_vec8<Aligned>(static_cast<T*>(a.dresidual) + at, count, g);
    if (a.training) {
      if constexpr (!Recomputes) load_vec8<Aligned>(static_cast<const T*>(a.x) + at, count, x);
#pragma unroll
      for (int i = 0; i < kVecWidth; ++i) g[i] -= shift[i] + (x[i] - mean[i]) * slope[i];
    }
#pragma unroll
    for (int i = 0; i < kVecWidth; ++i) g[i] *= scale[i];
    store_vec8<Aligned>(static_cast<T*>(a.dx) + at, count, g);
  }
}

void apply(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  const BatchNormTiling tiling = batch_norm_tiling(s);
  with_float_type("batch_norm", dtype, [&](auto element) {
    with_flag(batch_norm_aligned(s, {a.x, a.gamma, a.beta, a.residual, a.y, a.mean, a.invstd}), [&](auto aligned) {
      with_flag(recomputes(a.activation), [&](auto again) {
        launch(tiling.apply_grid(s.rows), tiling.block, apply_kernel<decltype(element), aligned.value, again.value>, s,
               a);
      });
    });
  });
}

void forward_train(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  if (a.persistent && !recomputes(a.activation) && batch_norm_persistent_forward(s, dtype, a)) return;
  batch_norm_moments(s, dtype, a);
  apply(s, dtype, a);
}

void forward_eval(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  batch_norm_running_moments(s, a);
  apply(s, dtype, a);
}

void backward(const BatchNormShape& s, DType dtype, const BatchNormBackward& a) {
  if (a.persistent && a.training && !recomputes(a.activation) && batch_norm_persistent_backward(s, dtype, a)) return;
  const BatchNormTiling tiling = batch_norm_tiling(s);
  const Buffer partial(Device::cuda, std::size_t(tiling.parts) * std::size_t(s.c) * 2 * sizeof(float));
  const Buffer shifts(Device::cuda, std::size_t(s.c) * 2 * sizeof(float));
  with_float_type("batch_norm", dtype, [&](auto element) {
    with_flag(batch_norm_aligned(s, {a.dy, a.x, a.gamma, a.beta, a.mean, a.invstd, a.dx, a.dresidual}),
              [&](auto aligned) {
                with_flag(recomputes(a.activation), [&](auto again) {
                  launch(tiling.sums_grid(), tiling.block,
                         gradient_sums_kernel<decltype(element), aligned.value, again.value>, s, tiling.per_part, a,
                         partial.as<float>());
                });
              });
  });
  batch_norm_combine_gradients(s, tiling.parts, partial.as<float>(), a, shifts.as<float>());
  batch_norm_apply_gradients(s, dtype, a, shifts.as<float>());
}

}  // namespace

void batch_norm_apply_gradients(const BatchNormShape& s, DType dtype, const BatchNormBackward& a, const float* shifts) {
  const BatchNormTiling tiling = batch_norm_tiling(s);
  with_float_type("batch_norm", dtype, [&](auto element) {
    with_flag(batch_norm_aligned(s, {a.dy, a.x, a.gamma, a.beta, a.mean, a.invstd, a.dx, a.dresidual}),
              [&](auto aligned) {
                with_flag(recomputes(a.activation), [&](auto again) {
                  launch(tiling.apply_grid(s.rows), tiling.block,
                         apply_gradients_kernel<decltype(element), aligned.value, again.value>, s, a, shifts);
                });
              });
  });
}

const BatchNormKernels batch_norm_cuda{
    .forward_train = forward_train, .forward_eval = forward_eval, .backward = backward};

}  // namespace pc
