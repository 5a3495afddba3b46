// One block works out one value of a convolution, its threads share the terms.
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

// Where place `at` of a tensor [.., a, b, c] lies along its dimensions.
struct Place4 {
  int n, a, b, c;
};
__device__ inline Place4 place_of(int64_t at, int a, int b, int c) {
  const int64_t row = at / c, line = row / b;
  return {int(line / a), int(line % a), int(row - line * b), int(at - row * c)};
}

template <class T>
__device__ Sums forward_terms(const Conv2dShape& s, const T* x, const T* w, int64_t at) {
  const Place4 y = place_of(at, s.p(), s.q(), s.k);
  Sums sums;
  for (int i = int(threadIdx.x); i < s.r * s.s * s.c; i += kThreads) {
    const Place4 f = place_of(i, s.r, s.s, s.c);
    const int h = y.a * s.stride + f.a - s.pad, v = y.b * s.stride + f.b - s.pad;
    if (h < 0 || v < 0 || h >= s.h || v >= s.w) continue;
    sums.add(to_float(x[((int64_t(y.n) * s.h + h) * s.w + v) * s.c + f.c]),
             to_float(w[int64_t(y.c) * s.r * s.s * s.c + i]));
  }
  return sums;
}

template <class T>
__device__ Sums data_terms(const Conv2dShape& s, const T* dy, const T* w, int64_t at) {
  const Place4 x = place_of(at, s.h, s.w, s.c);
  Sums sums;
  for (int i = int(threadIdx.x); i < s.r * s.s * s.k; i += kThreads) {
    const Place4 f = place_of(i, s.r, s.s, s.k);
    const int h = x.a + s.pad - f.a, v = x.b + s.pad - f.b;
    if (h < 0 || v < 0 || h % s.stride != 0 || v % s.stride != 0) continue;
    const int p = h / s.stride, q = v / s.stride;
    if (p >= s.p() || q >= s.q()) continue;
    sums.add(to_float(dy[((int64_t(x.n) * s.p() + p) * s.q() + q) * s.k + f.c]),
             to_float(w[((int64_t(f.c) * s.r + f.a) * s.s + f.b) * s.c + x.c]));
  }
  return sums;
}

template <class T>
__device__ Sums weight_terms(const Conv2dShape& s, const T* x, const T* dy, int64_t at) {
  const Place4 f = place_of(at, s.r, s.s, s.c);
  Sums sums;
  const int64_t rows = int64_t(s.n) * s.p() * s.q();
  for (int64_t i = threadIdx.x; i < rows; i += kThreads) {
    const Place4 y = place_of(i, s.n, s.p(), s.q());  // n is y.a
    const int h = y.b * s.stride + f.a - s.pad, v = y.c * s.stride + f.b - s.pad;
    if (h < 0 || v < 0 || h >= s.h || v >= s.w) continue;
    sums.add(to_float(x[((int64_t(y.a) * s.h + h) * s.w + v) * s.c + f.c]), to_float(dy[i * s.k + f.n]));
  }
  return sums;
}

// errors[blockIdx.x]: of the place at blockIdx.x * total / gridDim.x, moved on by a little so that all columns come up.
template <class T>
__global__ void errors_kernel(ConvKey key, ConvTensors t, int64_t total, float* errors) {
  __shared__ double scratch[32];
  const Conv2dShape& s = key.shape;
  const T *x = static_cast<const T*>(t.x), *w = static_cast<const T*>(t.w), *y = static_cast<const T*>(t.y);
  const int64_t step = total / gridDim.x > 0 ? total / gridDim.x : 1;
  const int64_t at = (int64_t(blockIdx.x) * step + int64_t(blockIdx.x) * 2654435761u % step) % total;
  Sums sums;
  float got = 0;
  if (key.pass == ConvPass::backward_data)
    sums = data_terms(s, y, w, at), got = to_float(x[at]);
  else if (key.pass == ConvPass::backward_weight)
    sums = weight_terms(s, x, y, at), got = to_float(w[at]);
  else
    sums = forward_terms(s, x, w, at), got = to_float(y[at]);
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
  if (key.relu && want < 0) want = 0;
  errors[blockIdx.x] = float(fabs(double(got) - want) / (sqrt(squares) + 1e-3));
}

// errors[blockIdx.x]: of the sum over channel blockIdx.x, then of the squares'. Rounding y moves a sum of n values by
// about a root of n roundings.
template <class T>
__global__ void sum_errors_kernel(int64_t rows, int k, const T* y, const float* sums, float* errors) {
  __shared__ double scratch[32];
  const int c = int(blockIdx.x);
  double sum = 0, squares = 0;
  for (int64_t row = threadIdx.x; row < rows; row += kThreads) {
    const double v = double(to_float(y[row * k + c]));
    sum += v;
    squares += v * v;
  }
  sum = block_sum(sum, scratch);
  __syncthreads();
  squares = block_sum(squares, scratch);
  if (threadIdx.x > 0) return;
  errors[c] = float(fabs(double(sums[c]) - sum) / (sqrt(squares) + 1e-3));
  errors[k + c] = float(fabs(double(sums[k + c]) - squares) / (squares + 1e-3));
}

// A multiply and shifts make neighbouring numbers look unrelated: the finisher of MurmurHash3.
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
  if (key.pass == ConvPass::backward_data) return int64_t(s.n) * s.h * s.w * s.c;
  if (key.pass == ConvPass::backward_weight) return int64_t(s.k) * s.r * s.s * s.c;
  return int64_t(s.n) * s.p() * s.q() * s.k;
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
  const Buffer errors(Device::cuda, std::size_t(s.k) * 2 * sizeof(float));
  with_float_type("conv2d", key.dtype, [&](auto element) {
    using T = decltype(element);
    launch(unsigned(s.k), kThreads, sum_errors_kernel<T>, int64_t(s.n) * s.p() * s.q(), s.k,
           static_cast<const T*>(t.y), t.sums, errors.as<float>());
  });
  std::vector<float> host(std::size_t(s.k) * 2);
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
