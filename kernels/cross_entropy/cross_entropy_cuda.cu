// Softmax cross entropy on CUDA: a warp owns a row; one block adds the rows' weights before and their losses after.
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/runtime/launch.cuh"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

constexpr int kThreads = 256, kRowsPerBlock = kThreads / 32;

// How much a row counts. Labels beyond the classes have no weight to read; they make the loss NaN all the same.
__device__ inline float weight_of(const CrossEntropyShape& s, const MixedTarget& t, int row) {
  const int first = t.a[row];
  if (first < 0) return 0;
  if (!t.class_weight) return 1;
  const float lambda = t.lambda[row];
  const int second = lambda == 1 ? first : t.b[row];
  if (first >= s.classes || second < 0 || second >= s.classes) return 1;
  return lambda * t.class_weight[first] + (1 - lambda) * t.class_weight[second];
}

__global__ void weight_kernel(CrossEntropyShape s, MixedTarget target, double* total) {
  __shared__ double scratch[32];
  double sum = 0;
  for (int i = int(threadIdx.x); i < s.n; i += int(blockDim.x)) sum += double(weight_of(s, target, i));
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) *total = sum;
}

__device__ inline float warp_max(float v) {
  for (int lane = 16; lane > 0; lane /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, lane));
  return v;
}

// losses: one f64 a row. A label beyond the classes cannot throw from here: it makes the loss NaN, which stops the run.
__global__ void rows_kernel(CrossEntropyShape s, const float* logits, MixedTarget target, const double* total_weight,
                            double* losses, float* dlogits) {
  const int row = int(blockIdx.x) * kRowsPerBlock + int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  if (row >= s.n) return;  // whole warps
  const float* x = logits + int64_t(row) * s.classes;
  float* dx = dlogits ? dlogits + int64_t(row) * s.classes : nullptr;
  const int a = target.a[row];
  if (a < 0) {
    for (int c = lane; dx && c < s.classes; c += 32) dx[c] = 0;
    if (lane == 0) losses[row] = 0;
    return;
  }
  // With lambda 1 nobody reads b, so it may hold anything.
  const float lambda = target.lambda[row];
  const int b = lambda == 1 ? a : target.b[row];
  float top = -INFINITY;
  for (int c = lane; c < s.classes; c += 32) top = fmaxf(top, x[c]);
  top = warp_max(top);
  double sum = 0, total = 0;
  for (int c = lane; c < s.classes; c += 32) {
    sum += double(expf(x[c] - top));
    total += double(x[c] - top);
  }
  sum = warp_sum(sum);
  total = warp_sum(total);
  const float on_a = (1 - s.smoothing) * lambda, on_b = (1 - s.smoothing) * (1 - lambda),
              even = s.smoothing / float(s.classes), weight = weight_of(s, target, row);
  if (lane == 0) {
    const double log_sum = log(sum);
    double loss = NAN;
    if (a < s.classes && b >= 0 && b < s.classes) {
      loss = double(on_a) * (log_sum - double(x[a] - top));
      if (on_b > 0) loss += double(on_b) * (log_sum - double(x[b] - top));  // 0 must not meet an infinite logarithm
      if (even > 0) loss += double(even) * (s.classes * log_sum - total);
    }
    losses[row] = loss * double(weight);
  }
  if (!dx) return;
  const float inverse = float(1 / sum), per_row = weight / float(*total_weight);
  for (int c = lane; c < s.classes; c += 32) {
    const float t = even + (c == a ? on_a : 0.0f) + (c == b ? on_b : 0.0f);
    dx[c] = (expf(x[c] - top) * inverse - t) * per_row;
  }
}

__global__ void mean_kernel(int n, const double* losses, const double* total_weight, float* loss) {
  __shared__ double scratch[32];
  double sum = 0;
  for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) sum += losses[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) *loss = *total_weight > 0 ? float(sum / *total_weight) : 0.0f;
}

__global__ void scale_kernel(int64_t n, const float* dlogits, const float* dloss, float* dx) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  const float scale = *dloss;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) dx[i] = dlogits[i] * scale;
}

void forward(const CrossEntropyShape& s, const float* logits, const MixedTarget& target, float* loss, float* dlogits) {
  const Buffer losses(Device::cuda, sizeof(double) * std::size_t(s.n)), total(Device::cuda, sizeof(double));
  launch(1, kThreads, weight_kernel, s, target, total.as<double>());
  launch(unsigned(ceil_div(s.n, kRowsPerBlock)), kThreads, rows_kernel, s, logits, target, total.as<double>(),
         losses.as<double>(), dlogits);
  launch(1, kThreads, mean_kernel, s.n, losses.as<double>(), total.as<double>(), loss);
}

void backward(const CrossEntropyShape& s, const float* dlogits, const float* dloss, float* dx) {
  const int64_t n = int64_t(s.n) * s.classes;
  launch(grid_for(n, kThreads), kThreads, scale_kernel, n, dlogits, dloss, dx);
}

}  // namespace

const CrossEntropyKernels cross_entropy_cuda{.forward = forward, .backward = backward};

}  // namespace pc
