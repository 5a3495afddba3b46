// running_metrics: how a head did on a batch, added up on the device, so that nobody need wait for a step to know.
//   loss += mean_loss * n;  of the rows with label >= 0: seen += 1, hits += 1 where the first largest logit is the label's
#pragma once

#include <cstdint>

#include "kernels/runtime/select.h"

namespace pc {

struct RunningMetricsCounts {
  double loss, hits, seen;  // whole numbers but for the loss
};

struct RunningMetricsKernels {
  // logits f32 [n, classes], labels i32 [n], mean_loss one f32, counts: all on the device.
  void (*add)(int n, int classes, const float* logits, const int32_t* labels, const float* mean_loss,
              RunningMetricsCounts* counts);
};
extern const RunningMetricsKernels running_metrics_cpu, running_metrics_cuda;

}  // namespace pc
