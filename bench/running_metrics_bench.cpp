// running_metrics of the widest head of the fashion set.
#include "bench/bench.h"
#include "kernels/running_metrics/running_metrics.h"

namespace pc::bench {

void register_all() {
  measure_rooflines();
  constexpr int n = 256, classes = 143;
  for (const Setting& setting : settings()) {
    const Device device = setting.device;
    add(std::string("add/") + name_of(device) + "/f32", [=] {
      const auto logits = std::make_shared<Ring>(Shape{n, classes}, DType::f32, device, 1);
      const Tensor labels = Tensor::from({n}, std::vector<int32_t>(n, 3), device), loss = Tensor::full({}, 1, device);
      const auto counts = std::make_shared<Buffer>(device, sizeof(RunningMetricsCounts));
      memory::zero(device, counts->data(), sizeof(RunningMetricsCounts));
      return Subject{{device, DType::f32, double(n) * classes, 4.0 * n * (classes + 1)},
                     [=](int64_t i) {
                       PC_KERNELS(running_metrics, device)
                           .add(n, classes, logits->f32(i), labels.as<int32_t>(), loss.as<float>(),
                                counts->as<RunningMetricsCounts>());
                     },
                     {logits.get()}};
    });
  }
}

}  // namespace pc::bench
