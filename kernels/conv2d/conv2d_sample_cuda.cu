// One block computes one value of a convolution; the terms are divided among its threads.
#include <algorithm>

#include "kernels/conv2d/conv2d_sample.h"
#include "kernels/runtime/launch.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kThreads = 128;

struct Sums {
  double sum = 0, squares = 0;
  __device__ void add(float a, float b) {
    const double term = double(a) * double(b);
    sum += term;
    squares += term * term;
  }
};

// The coordinates of element `at` of a tensor [.., a, b, c].
struct Coord4 {
  int n, a, b, c;
};
__device__ inline Coord4 coord_of(int64_t at, int a, int b, int c) {
  const int64_t row = at / c, line = row / b;
  return {int(line / a), int(line % a), int(row - line * b), int(at - row * c)};
}

// The convolution's input for element v of x in channel c: v, or relu(v * scale + shift).
template <class T>
__device__ inline float conv_input(const ConvTensors& t, int channels, T v, int c) {
  if (!t.affine) return to_float(v);
  const T* affine = static_cast<const T*>(t.affine);
  const float z = to_float(v) * to_float(affine[c]) + to_float(affine[channels + c]);
  return z > 0 ? rounded<T>(z) : 0.0f;
}

// Batch norm of element `at` of its x, in channel c: before (hat_of) and after (z_of) gamma and beta.
template <class T>
__device__ inline float hat_of(const ConvTensors& t, int channels, int64_t at, int c) {
  return (to_float(static_cast<const T*>(t.norm_x)[at]) - t.norm[c]) * t.norm[channels + c];
}
__device__ inline float z_of(const ConvTensors& t, int channels, float hat, int c) {
  return hat * t.norm[2 * channels + c] + t.norm[3 * channels + c];
}

template <class T>
__device__ Sums forward_terms(const Conv2dShape& s, const ConvTensors& t, const T* x, const T* w, int64_t at) {
  const Coord4 y = coord_of(at, s.p(), s.q(), s.k);
  Sums sums;
  const int taps = s.r * s.s, first = y.c / s.group_k() * s.group_c();
  for (int i = int(threadIdx.x); i < taps * s.group_c(); i += kThreads) {
    const Coord4 f = coord_of(i, s.r, s.s, s.group_c());
    const int c = first + f.c;
    const int h = y.a * s.stride + f.a - s.pad.top, v = y.b * s.stride + f.b - s.pad.left;
    if (h < 0 || v < 0 || h >= s.h || v >= s.w) continue;
    sums.add(conv_input(t, s.c, x[((int64_t(y.n) * s.h + h) * s.w + v) * s.c + c], c),
             to_float(w[int64_t(y.c) * taps * s.group_c() + i]));
  }
  return sums;
}

template <class T>
__device__ Sums data_terms(const Conv2dShape& s, const T* dy, const T* w, int64_t at) {
  const Coord4 x = coord_of(at, s.h, s.w, s.c);
  Sums sums;
  const int group = x.c / s.group_c();
  for (int i = int(threadIdx.x); i < s.r * s.s * s.group_k(); i += kThreads) {
    const Coord4 f = coord_of(i, s.r, s.s, s.group_k());
    const int k = group * s.group_k() + f.c;
    const int h = x.a + s.pad.top - f.a, v = x.b + s.pad.left - f.b;
    if (h < 0 || v < 0 || h % s.stride != 0 || v % s.stride != 0) continue;
    const int p = h / s.stride, q = v / s.stride;
    if (p >= s.p() || q >= s.q()) continue;
    sums.add(to_float(dy[((int64_t(x.n) * s.p() + p) * s.q() + q) * s.k + k]),
             to_float(w[((int64_t(k) * s.r + f.a) * s.s + f.b) * s.group_c() + x.c % s.group_c()]));
  }
  return sums;
}

template <class T>
__device__ Sums weight_terms(const Conv2dShape& s, const ConvTensors& t, const T* x, const T* dy, int64_t at) {
  const Coord4 f = coord_of(at, s.r, s.s, s.group_c());
  const int c = f.n / s.group_k() * s.group_c() + f.c;
  Sums sums;
  const int64_t rows = s.y_pixels();
  for (int64_t i = threadIdx.x; i < rows; i += kThreads) {
    const Coord4 y = coord_of(i, s.n, s.p(), s.q());  // n is y.a
    const int h = y.b * s.stride + f.a - s.pad.top, v = y.c * s.stride + f.b - s.pad.left;
    if (h < 0 || v < 0 || h >= s.h || v >= s.w) continue;
    sums.add(conv_input(t, s.c, x[((int64_t(y.a) * s.h + h) * s.w + v) * s.c + c], c), to_float(dy[i * s.k + f.n]));
  }
  return sums;
}

// errors[blockIdx.x]: the error at position blockIdx.x * total / gridDim.x plus a pseudorandom offset, so that all
// columns are sampled.
template <class T>
__global__ void errors_kernel(ConvKey key, ConvTensors t, int64_t total, float* errors) {
  __shared__ double scratch[32];
  const Conv2dShape& s = key.shape;
  const T *x = static_cast<const T*>(t.x), *w = static_cast<const T*>(t.w), *y = static_cast<const T*>(t.y);
  const int64_t step = total / gridDim.x > 0 ? total / gridDim.x : 1;
  const int64_t at = (int64_t(blockIdx.x) * step + int64_t(blockIdx.x) * 2654435761u % step) % total;
  Sums sums;
  float got = 0;
  if (writes_dx(key.pass))
    sums = data_terms(s, y, w, at), got = to_float(x[at]);
  else if (writes_dw(key.pass))
    sums = weight_terms(s, t, x, y, at), got = to_float(w[at]);
  else
    sums = forward_terms(s, t, x, w, at), got = to_float(y[at]);
  double want = block_sum(sums.sum, scratch);
  __syncthreads();
  double squares = block_sum(sums.squares, scratch);
  if (threadIdx.x > 0) return;
  if (t.bias) want += double(to_float(static_cast<const T*>(t.bias)[at % s.k]));
  if (t.residual) {
    const double more = double(to_float(static_cast<const T*>(t.residual)[at]));
    want += more;
    squares += more * more;
  }
  if (key.activation == Activation::relu && want < 0) want = 0;
  if (t.norm) {
    const float z = z_of(t, s.c, hat_of<T>(t, s.c, at, int(at % s.c)), int(at % s.c));
    if (z <= 0) want = 0;
    if (fabsf(z) < 1e-5f) got = float(want);  // z's sign depends on rounding
  }
  errors[blockIdx.x] = float(fabs(double(got) - want) / (sqrt(squares) + 1e-3));
}

// With c = blockIdx.x: errors[c] is the error of the sum over channel c of v [rows, channels], errors[channels + c] of
// the sum of v * v, or with a norm of v * hat. Rounding v changes a sum of n values by about sqrt(n) roundings.
template <class T>
__global__ void sum_errors_kernel(int64_t rows, int channels, const T* v, ConvTensors t, float* errors) {
  __shared__ double scratch[32];
  const int c = int(blockIdx.x);
  double sum = 0, squares = 0, product = 0, product_squares = 0;
  for (int64_t row = threadIdx.x; row < rows; row += kThreads) {
    const double value = double(to_float(v[row * channels + c]));
    const double term = value * (t.norm ? double(hat_of<T>(t, channels, row * channels + c, c)) : value);
    sum += value;
    squares += value * value;
    product += term;
    product_squares += term * term;
  }
  const auto total = [&](double part) {
    const double all = block_sum(part, scratch);
    __syncthreads();
    return all;
  };
  sum = total(sum), squares = total(squares), product = total(product), product_squares = total(product_squares);
  if (threadIdx.x > 0) return;
  errors[c] = float(fabs(double(t.sums[c]) - sum) / (sqrt(squares) + 1e-3));
  const double unit = t.norm ? sqrt(product_squares) : squares;
  errors[channels + c] = float(fabs(double(t.sums[channels + c]) - product) / (unit + 1e-3));
}

// Multiplications and shifts decorrelate adjacent indices: the finalizer of MurmurHash3.
template <class T>
__global__ void fill_kernel(int64_t n, uint32_t seed, T* to) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {
    uint32_t h = uint32_t(i) ^ uint32_t(i >> 32) * 0x9e3779b9u ^ seed * 0x85ebca6bu;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    h ^= h >> 16;
    to[i] = from_float<T>((float(h >> 8) + 0.5f) / 8388608.0f - 1.0f);
  }
}

int64_t size_of_result(const ConvKey& key) {
  const Conv2dShape& s = key.shape;
  if (writes_dx(key.pass)) return int64_t(s.n) * s.h * s.w * s.c;
  if (writes_dw(key.pass)) return int64_t(s.k) * s.r * s.s * s.group_c();
  return s.y_pixels() * s.k;
}

}  // namespace

std::vector<float> conv2d_errors(const ConvKey& key, const ConvTensors& tensors, int samples) {
  samples = int(std::min<int64_t>(samples, size_of_result(key)));
  const Buffer errors(Device::cuda, std::size_t(samples) * sizeof(float));
  with_float_type("conv2d", key.dtype, [&](auto element) {
    launch(unsigned(samples), kThreads, errors_kernel<decltype(element)>, key, tensors, size_of_result(key),
           errors.as<float>());
  });
  std::vector<float> host(static_cast<std::size_t>(samples));
  memory_cuda.copy_out(host.data(), errors.data(), errors.bytes());
  return host;
}

std::vector<float> conv2d_sum_errors(const ConvKey& key, const ConvTensors& t) {
  const Conv2dShape& s = key.shape;
  const int channels = writes_dx(key.pass) ? s.c : s.k;
  const Buffer errors(Device::cuda, std::size_t(channels) * 2 * sizeof(float));
  with_float_type("conv2d", key.dtype, [&](auto element) {
    using T = decltype(element);
    launch(unsigned(channels), kThreads, sum_errors_kernel<T>, size_of_result(key) / channels, channels,
           static_cast<const T*>(writes_dx(key.pass) ? t.x : t.y), t, errors.as<float>());
  });
  std::vector<float> host(std::size_t(channels) * 2);
  memory_cuda.copy_out(host.data(), errors.data(), errors.bytes());
  return host;
}

void conv2d_fill(int64_t n, DType dtype, uint32_t seed, void* to) {
  with_float_type("conv2d", dtype, [&](auto element) {
    using T = decltype(element);
    launch(grid_for(n, 256), 256, fill_kernel<T>, n, seed, static_cast<T*>(to));
  });
}

}  // namespace pc
