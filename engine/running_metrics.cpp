#include "engine/running_metrics.h"

namespace pc {

RunningMetrics::RunningMetrics(std::size_t heads, Device device)
    : counts_(device, heads * sizeof(RunningMetricsCounts)) {
  memory::zero(device, counts_.data(), counts_.bytes());
}

void RunningMetrics::add(std::size_t head, const Tensor& logits, const Targets& targets, const Tensor& loss) {
  PC_KERNELS(running_metrics, counts_.device())
      .add(int(logits.dim(0)), int(logits.dim(1)), logits.as<float>(), targets.a.as<int32_t>(), loss.as<float>(),
           counts_.as<RunningMetricsCounts>() + head);
}

void RunningMetrics::send(Readback& to, std::size_t at) {
  to.ask(at, counts_.data(), counts_.bytes());
  memory::zero(counts_.device(), counts_.data(), counts_.bytes());
}

}  // namespace pc
