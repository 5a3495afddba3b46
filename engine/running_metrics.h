// RunningMetrics: losses and hits of every head since they were last sent, kept on the device.
#pragma once

#include "engine/ops.h"
#include "engine/readback.h"
#include "kernels/running_metrics/running_metrics.h"

namespace pc {

class RunningMetrics {
 public:
  RunningMetrics(std::size_t heads, Device device);
  // logits f32 [n, classes] of a head, its targets (the first label of each counts) and its mean loss.
  void add(std::size_t head, const Tensor& logits, const Targets& targets, const Tensor& loss);
  // To byte `at` go bytes() of RunningMetricsCounts, one of each head: the sum of loss times n, hits, and rows with a label.
  // Begins again at 0.
  void send(Readback& to, std::size_t at);
  std::size_t bytes() const { return counts_.bytes(); }

 private:
  Buffer counts_;
};

}  // namespace pc
