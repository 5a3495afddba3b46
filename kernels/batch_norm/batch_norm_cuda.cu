// Batch normalisation on CUDA: sums over parts of the rows, one small kernel that joins the parts, one pass that
// applies.
//
// A thread owns an octet of channels (threadIdx.x, blockIdx.x) and steps over rows (threadIdx.y, blockIdx.y). The
// number of parts depends on the shape alone and they are joined in order, in f64: the same bits every time, on every
// GPU.
#include <algorithm>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/runtime/launch.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kThreads = 256, kMaxParts = 512;
constexpr int kJoinX = 32, kJoinY = 16;  // channels and stripes of parts in a block of the joining kernels

// Rows [begin, end) of one part.
struct Rows {
  int64_t begin, end;
};
__device__ inline Rows part_rows(int64_t rows, int64_t per_part, int64_t part) {
  const int64_t begin = part * per_part;
  return {begin, begin + per_part < rows ? begin + per_part : rows};
}

// Count, mean and sum of squared differences from the mean. Chan, Golub & LeVeque, "Updating formulae and a pairwise
// algorithm for computing sample variances", 1979.
struct Moments {
  double n, mean, m2;
  __device__ void join(double other_n, double other_mean, double other_m2) {
    if (other_n == 0) return;
    const double total = n + other_n, delta = other_mean - mean;
    mean += delta * (other_n / total);
    m2 += other_m2 + delta * delta * (n * other_n / total);
    n = total;
  }
};

// partial: mean [parts, c], then m2 [parts, c]. A thread's sums are taken of x minus its first x: shifted by a member
// of the sample, the difference of squares loses little, however far from 0 the mean lies.
template <class T, bool Aligned>
__global__ void moments_kernel(BatchNormShape s, int64_t per_part, const T* x, float* partial) {
  __shared__ float means[kThreads * kOctet], m2s[kThreads * kOctet];
  const int c0 = int(blockIdx.x * blockDim.x) * kOctet, c = c0 + int(threadIdx.x) * kOctet,
            count = min(kOctet, s.c - c);
  const Rows rows = part_rows(s.rows, per_part, blockIdx.y);
  float shift[kOctet] = {}, sum[kOctet] = {}, square[kOctet] = {}, v[kOctet];
  int64_t row = rows.begin + threadIdx.y;
  int n = 0;
  if (count > 0 && row < rows.end) load_octet<Aligned>(x + row * s.c + c, count, shift);
  if (count > 0) {
#pragma unroll 4
    for (; row < rows.end; row += blockDim.y, ++n) {
      load_octet<Aligned>(x + row * s.c + c, count, v);
#pragma unroll
      for (int i = 0; i < kOctet; ++i) {
        const float d = v[i] - shift[i];
        sum[i] += d;
        square[i] += d * d;
      }
    }
  }
  const int width = int(blockDim.x) * kOctet;
#pragma unroll
  for (int i = 0; i < kOctet; ++i) {
    const int at = int(threadIdx.y) * width + int(threadIdx.x) * kOctet + i;
    const float mean = n > 0 ? sum[i] / float(n) : 0.0f;
    means[at] = shift[i] + mean;
    m2s[at] = square[i] - sum[i] * mean;
  }
  __syncthreads();
  const int channel = int(threadIdx.y * blockDim.x + threadIdx.x);  // now one thread a channel
  if (channel >= width || c0 + channel >= s.c) return;
  Moments all{};
  for (int y = 0; y < int(blockDim.y); ++y) {
    const int64_t left = rows.end - rows.begin - y;
    const int64_t seen = left > 0 ? (left + blockDim.y - 1) / blockDim.y : 0;
    all.join(double(seen), means[y * width + channel], m2s[y * width + channel]);
  }
  float* to = partial + int64_t(blockIdx.y) * s.c + c0 + channel;
  to[0] = float(all.mean);
  to[int64_t(gridDim.y) * s.c] = float(all.m2);
}

__global__ void join_moments_kernel(BatchNormShape s, int64_t per_part, int parts, const float* partial,
                                    BatchNormForward a) {
  __shared__ Moments stripes[kJoinY][kJoinX];
  const int c = int(blockIdx.x * kJoinX + threadIdx.x);
  Moments all{};
  if (c < s.c)
    for (int part = int(threadIdx.y); part < parts; part += kJoinY) {
      const Rows rows = part_rows(s.rows, per_part, part);
      const float* from = partial + int64_t(part) * s.c + c;
      all.join(double(rows.end - rows.begin), from[0], from[int64_t(parts) * s.c]);
    }
  stripes[threadIdx.y][threadIdx.x] = all;
  __syncthreads();
  if (threadIdx.y > 0 || c >= s.c) return;
  for (int y = 1; y < kJoinY; ++y) {
    const Moments& other = stripes[y][threadIdx.x];
    all.join(other.n, other.mean, other.m2);
  }
  const double m = double(s.rows), var = all.m2 / m;
  a.mean[c] = float(all.mean);
  a.invstd[c] = float(1 / sqrt(var + double(s.eps)));
  a.running_mean[c] += a.momentum * (float(all.mean) - a.running_mean[c]);
  a.running_var[c] += a.momentum * (float(m > 1 ? all.m2 / (m - 1) : var) - a.running_var[c]);
}

__global__ void running_moments_kernel(BatchNormShape s, BatchNormForward a) {
  const int c = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= s.c) return;
  a.mean[c] = a.running_mean[c];
  a.invstd[c] = 1 / sqrtf(a.running_var[c] + s.eps);
}

template <class T, bool Aligned>
__global__ void apply_kernel(BatchNormShape s, BatchNormForward a) {
  const int octet = int(blockIdx.x * blockDim.x + threadIdx.x), c = octet * kOctet, count = min(kOctet, s.c - c);
  if (count <= 0) return;
  float mean[kOctet], scale[kOctet], beta[kOctet], v[kOctet], other[kOctet];
  load_octet<Aligned>(a.mean + c, count, mean);
  load_octet<Aligned>(a.gamma + c, count, scale);
  load_octet<Aligned>(a.invstd + c, count, v);
  load_octet<Aligned>(a.beta + c, count, beta);
#pragma unroll
  for (int i = 0; i < kOctet; ++i) scale[i] *= v[i];
  const int64_t mask_row = (s.c + kOctet - 1) / kOctet, step = int64_t(gridDim.y) * blockDim.y;
  for (int64_t row = int64_t(blockIdx.y) * blockDim.y + threadIdx.y; row < s.rows; row += step) {
    const int64_t at = row * s.c + c;
    load_octet<Aligned>(static_cast<const T*>(a.x) + at, count, v);
#pragma unroll
    for (int i = 0; i < kOctet; ++i) v[i] = (v[i] - mean[i]) * scale[i] + beta[i];
    if (a.residual) {
      load_octet<Aligned>(static_cast<const T*>(a.residual) + at, count, other);
#pragma unroll
      for (int i = 0; i < kOctet; ++i) v[i] += other[i];
    }
    if (a.relu) {
      unsigned bits = 0;
#pragma unroll
      for (int i = 0; i < kOctet; ++i) {
        v[i] = v[i] < 0 ? 0.0f : v[i];  // lets NaN through
        bits |= unsigned(rounded<T>(v[i]) > 0) << i;
      }
      if (a.mask) a.mask[row * mask_row + octet] = uint8_t(bits);
    }
    store_octet<Aligned>(static_cast<T*>(a.y) + at, count, v);
  }
}

// g: dy where the mask lets it through, 0 elsewhere.
template <bool Aligned, class T>
__device__ inline void load_gradient(const BatchNormBackward& a, const T* dy, int64_t mask_at, int count,
                                     float (&g)[kOctet]) {
  load_octet<Aligned>(dy, count, g);
  if (!a.mask) return;
  const unsigned bits = a.mask[mask_at];
#pragma unroll
  for (int i = 0; i < kOctet; ++i) g[i] = bits >> i & 1 ? g[i] : 0.0f;
}

// partial: sums of g [parts, c], then of g * (x - mean) [parts, c].
template <class T, bool Aligned>
__global__ void gradient_sums_kernel(BatchNormShape s, int64_t per_part, BatchNormBackward a, float* partial) {
  __shared__ float sums[kThreads * kOctet], products[kThreads * kOctet];
  const int c0 = int(blockIdx.x * blockDim.x) * kOctet, c = c0 + int(threadIdx.x) * kOctet,
            count = min(kOctet, s.c - c);
  const int64_t mask_row = (s.c + kOctet - 1) / kOctet;
  const Rows rows = part_rows(s.rows, per_part, blockIdx.y);
  float sum[kOctet] = {}, product[kOctet] = {}, mean[kOctet] = {}, x[kOctet], g[kOctet];
  if (count > 0) {
    load_octet<Aligned>(a.mean + c, count, mean);
#pragma unroll 2
    for (int64_t row = rows.begin + threadIdx.y; row < rows.end; row += blockDim.y) {
      const int64_t at = row * s.c + c;
      load_octet<Aligned>(static_cast<const T*>(a.x) + at, count, x);
      load_gradient<Aligned>(a, static_cast<const T*>(a.dy) + at, row * mask_row + c / kOctet, count, g);
#pragma unroll
      for (int i = 0; i < kOctet; ++i) {
        sum[i] += g[i];
        product[i] += g[i] * (x[i] - mean[i]);
      }
    }
  }
  const int width = int(blockDim.x) * kOctet;
#pragma unroll
  for (int i = 0; i < kOctet; ++i) {
    const int at = int(threadIdx.y) * width + int(threadIdx.x) * kOctet + i;
    sums[at] = sum[i];
    products[at] = product[i];
  }
  __syncthreads();
  const int channel = int(threadIdx.y * blockDim.x + threadIdx.x);
  if (channel >= width || c0 + channel >= s.c) return;
  double all = 0, all_products = 0;
  for (int y = 0; y < int(blockDim.y); ++y) {
    all += double(sums[y * width + channel]);
    all_products += double(products[y * width + channel]);
  }
  float* to = partial + int64_t(blockIdx.y) * s.c + c0 + channel;
  to[0] = float(all);
  to[int64_t(gridDim.y) * s.c] = float(all_products);
}

// Also what dx = scale * (g - shift - (x - mean) * slope) needs: shift [c], then slope [c].
__global__ void join_gradients_kernel(BatchNormShape s, int parts, const float* partial, BatchNormBackward a,
                                      float* shift) {
  __shared__ double sums[kJoinY][kJoinX], products[kJoinY][kJoinX];
  const int c = int(blockIdx.x * kJoinX + threadIdx.x);
  double sum = 0, product = 0;
  if (c < s.c)
    for (int part = int(threadIdx.y); part < parts; part += kJoinY) {
      const float* from = partial + int64_t(part) * s.c + c;
      sum += double(from[0]);
      product += double(from[int64_t(parts) * s.c]);
    }
  sums[threadIdx.y][threadIdx.x] = sum;
  products[threadIdx.y][threadIdx.x] = product;
  __syncthreads();
  if (threadIdx.y > 0 || c >= s.c) return;
  for (int y = 1; y < kJoinY; ++y) {
    sum += sums[y][threadIdx.x];
    product += products[y][threadIdx.x];
  }
  const double invstd = double(a.invstd[c]), m = double(s.rows);
  a.dbeta[c] = float(sum);
  a.dgamma[c] = float(product * invstd);
  shift[c] = float(sum / m);
  shift[s.c + c] = float(product * invstd * invstd / m);
}

template <class T, bool Aligned>
__global__ void apply_gradients_kernel(BatchNormShape s, BatchNormBackward a, const float* shifts) {
  const int octet = int(blockIdx.x * blockDim.x + threadIdx.x), c = octet * kOctet, count = min(kOctet, s.c - c);
  if (count <= 0) return;
  float mean[kOctet], scale[kOctet], shift[kOctet], slope[kOctet], x[kOctet], g[kOctet];
  load_octet<Aligned>(a.mean + c, count, mean);
  load_octet<Aligned>(a.gamma + c, count, scale);
  load_octet<Aligned>(a.invstd + c, count, x);
  load_octet<Aligned>(shifts + c, count, shift);
  load_octet<Aligned>(shifts + s.c + c, count, slope);
#pragma unroll
  for (int i = 0; i < kOctet; ++i) scale[i] *= x[i];
  const int64_t mask_row = (s.c + kOctet - 1) / kOctet, step = int64_t(gridDim.y) * blockDim.y;
  for (int64_t row = int64_t(blockIdx.y) * blockDim.y + threadIdx.y; row < s.rows; row += step) {
    const int64_t at = row * s.c + c;
    load_gradient<Aligned>(a, static_cast<const T*>(a.dy) + at, row * mask_row + octet, count, g);
    if (a.dresidual) store_octet<Aligned>(static_cast<T*>(a.dresidual) + at, count, g);
    if (a.training) {
      load_octet<Aligned>(static_cast<const T*>(a.x) + at, count, x);
#pragma unroll
      for (int i = 0; i < kOctet; ++i) g[i] -= shift[i] + (x[i] - mean[i]) * slope[i];
    }
#pragma unroll
    for (int i = 0; i < kOctet; ++i) g[i] *= scale[i];
    store_octet<Aligned>(static_cast<T*>(a.dx) + at, count, g);
  }
}

// How a shape is cut: the block, the columns of blocks, and the parts of the rows.
struct Cut {
  dim3 block;
  unsigned columns, parts;
  int64_t per_part;
  dim3 sums_grid() const { return {columns, parts}; }
  // Enough blocks to fill any GPU, and enough rows a thread to pay for reading the vectors.
  dim3 apply_grid(int64_t rows) const {
    const int64_t wanted = ceil_div(rows, int64_t(block.y) * 8), most = std::max(1u, 4096 / columns);
    return {columns, unsigned(std::min(wanted, most))};
  }
};

Cut cut_of(const BatchNormShape& s) {
  const int64_t octets = ceil_div(s.c, kOctet);
  unsigned x = 1;
  while (x < 32 && x < octets) x *= 2;
  Cut cut{.block = {x, kThreads / x}, .columns = unsigned(ceil_div(octets, x)), .parts = 1, .per_part = s.rows};
  cut.per_part = std::max<int64_t>(int64_t(cut.block.y) * 16, ceil_div(s.rows, kMaxParts));
  cut.parts = unsigned(ceil_div(s.rows, cut.per_part));
  return cut;
}

unsigned join_grid(int c) { return unsigned(ceil_div(c, kJoinX)); }

// The f32 vectors count too: they are read in octets.
bool can_align(const BatchNormShape& s, std::initializer_list<const void*> pointers) {
  return s.c % kOctet == 0 && aligned16(pointers);
}

void apply(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  const Cut cut = cut_of(s);
  with_float_type("batch_norm", dtype, [&](auto element) {
    with_flag(can_align(s, {a.x, a.gamma, a.beta, a.residual, a.y, a.mean, a.invstd}), [&](auto aligned) {
      launch(cut.apply_grid(s.rows), cut.block, apply_kernel<decltype(element), aligned.value>, s, a);
    });
  });
}

void forward_train(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  const Cut cut = cut_of(s);
  const Buffer partial(Device::cuda, std::size_t(cut.parts) * std::size_t(s.c) * 2 * sizeof(float));
  with_float_type("batch_norm", dtype, [&](auto element) {
    with_flag(can_align(s, {a.x}), [&](auto aligned) {
      using T = decltype(element);
      launch(cut.sums_grid(), cut.block, moments_kernel<T, aligned.value>, s, cut.per_part, static_cast<const T*>(a.x),
             partial.as<float>());
    });
  });
  launch(join_grid(s.c), {kJoinX, kJoinY}, join_moments_kernel, s, cut.per_part, int(cut.parts), partial.as<float>(),
         a);
  apply(s, dtype, a);
}

void forward_eval(const BatchNormShape& s, DType dtype, const BatchNormForward& a) {
  launch(unsigned(ceil_div(s.c, kThreads)), kThreads, running_moments_kernel, s, a);
  apply(s, dtype, a);
}

void backward(const BatchNormShape& s, DType dtype, const BatchNormBackward& a) {
  const Cut cut = cut_of(s);
  const Buffer partial(Device::cuda, std::size_t(cut.parts) * std::size_t(s.c) * 2 * sizeof(float));
  const Buffer shifts(Device::cuda, std::size_t(s.c) * 2 * sizeof(float));
  with_float_type("batch_norm", dtype, [&](auto element) {
    with_flag(can_align(s, {a.dy, a.x, a.gamma, a.mean, a.invstd, a.dx, a.dresidual}), [&](auto aligned) {
      using T = decltype(element);
      launch(cut.sums_grid(), cut.block, gradient_sums_kernel<T, aligned.value>, s, cut.per_part, a,
             partial.as<float>());
      launch(join_grid(s.c), {kJoinX, kJoinY}, join_gradients_kernel, s, int(cut.parts), partial.as<float>(), a,
             shifts.as<float>());
      launch(cut.apply_grid(s.rows), cut.block, apply_gradients_kernel<T, aligned.value>, s, a, shifts.as<float>());
    });
  });
}

}  // namespace

const BatchNormKernels batch_norm_cuda{
    .forward_train = forward_train, .forward_eval = forward_eval, .backward = backward};

}  // namespace pc
