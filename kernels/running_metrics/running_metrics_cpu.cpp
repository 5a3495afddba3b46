// Fills running_metrics_cpu.
#include <algorithm>

#include "kernels/running_metrics/running_metrics.h"

namespace pc {
namespace {

void add(int n, int classes, const float* logits, const int32_t* labels, const float* mean_loss,
         RunningMetricsCounts* counts) {
  counts->loss += double(*mean_loss) * n;
  for (int i = 0; i < n; ++i) {
    if (labels[i] < 0) continue;
    const float* row = logits + int64_t(i) * classes;
    counts->seen += 1;
    counts->hits += std::max_element(row, row + classes) - row == labels[i];
  }
}

}  // namespace

const RunningMetricsKernels running_metrics_cpu{.add = add};

}  // namespace pc
