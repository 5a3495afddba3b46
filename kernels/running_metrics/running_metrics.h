// running_metrics: per-head loss and accuracy, accumulated on the device to avoid a sync.
//   loss += mean_loss * n
//   seen += 1 for each row with label >= 0, and hits += 1 if the row's first largest logit is the label's
#pragma once

#include <cstdint>

#include "kernels/runtime/select.h"

namespace pc {

struct RunningMetricsCounts {
  double loss, hits, seen;  // hits and seen are whole numbers
};

struct RunningMetricsKernels {
  // logits f32 [n, classes], labels i32 [n], mean_loss one f32, counts: all on the device.
  void (*add)(int n, int classes, const float* logits, const int32_t* labels, const float* mean_loss,
              RunningMetricsCounts* counts);
};
extern const RunningMetricsKernels running_metrics_cpu, running_metrics_cuda;

}  // namespace pc
