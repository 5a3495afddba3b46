// Running metrics on CUDA: one block, in which a warp takes one row at a time.
#include "kernels/running_metrics/running_metrics.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

constexpr int kThreads = 1024;

// The index of the first largest value of a row, in every lane of the warp.
__device__ inline int first_largest(const float* row, int classes, int lane) {
  float best = -INFINITY;
  int at = lane < classes ? lane : 0;
  for (int c = lane; c < classes; c += 32)
    if (row[c] > best) best = row[c], at = c;
  for (int other = 16; other > 0; other /= 2) {
    const float value = __shfl_xor_sync(0xffffffffu, best, other);
    const int other_at = __shfl_xor_sync(0xffffffffu, at, other);
    if (value > best || (value == best && other_at < at)) best = value, at = other_at;
  }
  return at;
}

__global__ void __launch_bounds__(kThreads) add_kernel(int n, int classes, const float* logits, const int32_t* labels,
                                                       const float* mean_loss, RunningMetricsCounts* counts) {
  __shared__ double hit_sums[32], seen_sums[32];
  const int lane = int(threadIdx.x) % 32;
  double hits = 0, seen = 0;
  for (int i = int(threadIdx.x) / 32; i < n; i += kThreads / 32) {
    if (labels[i] < 0) continue;  // whole warps
    const int at = first_largest(logits + int64_t(i) * classes, classes, lane);
    if (lane > 0) continue;
    seen += 1;
    hits += at == labels[i];
  }
  hits = block_sum(hits, hit_sums);
  seen = block_sum(seen, seen_sums);
  if (threadIdx.x > 0) return;
  counts->loss += double(*mean_loss) * n;
  counts->hits += hits;
  counts->seen += seen;
}

void add(int n, int classes, const float* logits, const int32_t* labels, const float* mean_loss,
         RunningMetricsCounts* counts) {
  launch(1, kThreads, add_kernel, n, classes, logits, labels, mean_loss, counts);
}

}  // namespace

const RunningMetricsKernels running_metrics_cuda{.add = add};

}  // namespace pc
