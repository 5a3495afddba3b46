// RunningMetrics: loss and accuracy of every head since they were last sent, accumulated on the device.
#pragma once

#include "engine/ops.h"
#include "engine/readback.h"
#include "kernels/running_metrics/running_metrics.h"

namespace pc {

class RunningMetrics {
 public:
  RunningMetrics(std::size_t heads, Device device);
  // logits f32 [n, classes] of a head, its targets (only Targets::a counts) and its mean loss.
  void add(std::size_t head, const Tensor& logits, const Targets& targets, const Tensor& loss);
  // Enqueues a copy of one RunningMetricsCounts per head, bytes() in all, to byte `at` of `to`, then resets them to 0.
  void send(Readback& to, std::size_t at);
  std::size_t bytes() const { return counts_.bytes(); }

 private:
  Buffer counts_;
};

}  // namespace pc
