// Softmax cross entropy on CUDA, loss and gradient in one launch: the first block adds up the losses, each warp of the
// other blocks writes a row of the gradient. Both compute the row's softmax, and every block adds up the weights:
// reading a few more kilobytes from the cache costs less than dependent launches.
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

constexpr int kThreads = 1024, kWarps = kThreads / 32;

struct RowTarget {
  int a, b;
  bool known;  // a and b are valid classes
  float lambda, weight;
};

// A label beyond the classes has no class weight to read: its weight is 1.
__device__ inline RowTarget target_of(const CrossEntropyShape& s, const MixedTarget& t, int row) {
  const int a = t.a[row];
  const float lambda = t.lambda ? t.lambda[row] : 1.0f;
  // With lambda 1, b is not read, so it may have any value.
  const int b = lambda == 1 ? a : t.b[row];
  const bool known = a < s.classes && b >= 0 && b < s.classes;
  float weight = a < 0 ? 0.0f : 1.0f;
  if (t.class_weight && a >= 0 && known) weight = lambda * t.class_weight[a] + (1 - lambda) * t.class_weight[b];
  return {.a = a, .b = b, .known = known, .lambda = lambda, .weight = weight};
}

__device__ inline float warp_max(float v) {
  for (int lane = 16; lane > 0; lane /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, lane));
  return v;
}

// The largest logit of a row, and the sum of exp(x - top), in every lane of the warp.
struct RowSum {
  float top;
  double sum;
};
__device__ inline RowSum row_sum(int classes, const float* x, int lane) {
  RowSum row{.top = -INFINITY, .sum = 0};
  for (int c = lane; c < classes; c += 32) row.top = fmaxf(row.top, x[c]);
  row.top = warp_max(row.top);
  for (int c = lane; c < classes; c += 32) row.sum += double(expf(x[c] - row.top));
  row.sum = warp_sum(row.sum);
  return row;
}

// The row's loss times its weight, in every lane. A kernel cannot throw for a label beyond the classes: it makes the
// loss NaN, which stops the run.
__device__ inline double row_loss(const CrossEntropyShape& s, const float* x, const RowTarget& t, int lane) {
  const RowSum row = row_sum(s.classes, x, lane);
  double total = 0;
  for (int c = lane; s.smoothing > 0 && c < s.classes; c += 32) total += double(x[c] - row.top);
  total = warp_sum(total);
  if (!t.known) return NAN;
  const float on_a = (1 - s.smoothing) * t.lambda, on_b = (1 - s.smoothing) * (1 - t.lambda),
              even = s.smoothing / float(s.classes);
  const double log_sum = log(row.sum);
  double loss = double(on_a) * (log_sum - double(x[t.a] - row.top));
  // A weight of 0 must not be multiplied by an infinite logarithm.
  if (on_b > 0) loss += double(on_b) * (log_sum - double(x[t.b] - row.top));
  if (even > 0) loss += double(even) * (s.classes * log_sum - total);
  return loss * double(t.weight);
}

__device__ inline void write_gradient(const CrossEntropyShape& s, const float* x, const RowTarget& t,
                                      float total_weight, int lane, float* dx) {
  if (t.a < 0) {
    for (int c = lane; c < s.classes; c += 32) dx[c] = 0;
    return;
  }
  const RowSum row = row_sum(s.classes, x, lane);
  const float on_a = (1 - s.smoothing) * t.lambda, on_b = (1 - s.smoothing) * (1 - t.lambda),
              even = s.smoothing / float(s.classes), inverse = float(1 / row.sum), per_row = t.weight / total_weight;
  for (int c = lane; c < s.classes; c += 32) {
    const float wanted = even + (c == t.a ? on_a : 0.0f) + (c == t.b ? on_b : 0.0f);
    dx[c] = (expf(x[c] - row.top) * inverse - wanted) * per_row;
  }
}

// At least one block per multiprocessor: with bounds for two, ptxas spills registers.
__global__ void __launch_bounds__(kThreads, 1)
    loss_kernel(CrossEntropyShape s, const float* logits, MixedTarget target, float* loss, float* dlogits) {
  __shared__ double scratch[32], total_weight;
  const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
  double sum = 0;
  for (int i = int(threadIdx.x); i < s.n; i += kThreads) sum += double(target_of(s, target, i).weight);
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) total_weight = sum;
  __syncthreads();
  if (blockIdx.x > 0) {
    const int row = int(blockIdx.x - 1) * kWarps + warp;
    const int64_t at = int64_t(row) * s.classes;
    if (row < s.n) write_gradient(s, logits + at, target_of(s, target, row), float(total_weight), lane, dlogits + at);
    return;
  }
  sum = 0;
  for (int row = warp; row < s.n; row += kWarps) {
    const RowTarget t = target_of(s, target, row);
    if (t.a < 0) continue;
    const double one = row_loss(s, logits + int64_t(row) * s.classes, t, lane);
    sum += lane == 0 ? one : 0;
  }
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) *loss = total_weight > 0 ? float(sum / total_weight) : 0.0f;
}

__global__ void scale_kernel(int64_t n, const float* dloss, float* dlogits) {
  const int64_t step = int64_t(gridDim.x) * blockDim.x;
  const float scale = *dloss;
  if (scale == 1) return;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) dlogits[i] *= scale;
}

void forward(const CrossEntropyShape& s, const float* logits, const MixedTarget& target, float* loss, float* dlogits) {
  const int64_t blocks = dlogits ? 1 + ceil_div(s.n, kWarps) : 1;
  launch(unsigned(blocks), kThreads, loss_kernel, s, logits, target, loss, dlogits);
}

void backward(const CrossEntropyShape& s, const float* dloss, float* dlogits) {
  const int64_t n = int64_t(s.n) * s.classes;
  launch(grid_for(n, 256), 256, scale_kernel, n, dloss, dlogits);
}

}  // namespace

const CrossEntropyKernels cross_entropy_cuda{.forward = forward, .backward = backward};

}  // namespace pc
