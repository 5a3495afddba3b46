// grad_scaler: the seeds of six heads, and what a step does with its gradients: two launches of which only the time to
// make one counts.
#include "bench/optimizer_buffers.h"

namespace pc::bench {

void register_all() {
  measure_rooflines();
  constexpr int kHeads = 6;
  for (const Setting& setting : settings()) {
    const Device device = setting.device;
    const auto state = std::make_shared<OptimizerBuffers>(DType::f32, device);
    const Tensor weights = Tensor::full({kHeads}, 1, device), seeds({kHeads}, DType::f32, device),
                 lr = Tensor::full({}, 1e-6f, device);
    add(std::string("seeds/") + name_of(device) + "/f32", [=] {
      return Subject{{device, DType::f32, 2.0 * kHeads, 8.0 * kHeads},
                     [=](int64_t) {
                       PC_KERNELS(grad_scaler, device)
                           .seeds(kHeads, weights.as<float>(), 1, state->scaler.as<GradScalerState>(),
                                  seeds.as<float>());
                     },
                     {}};
    });
    add(std::string("update/") + name_of(device) + "/f32", [=] {
      return Subject{
          {device, DType::f32, 10, double(sizeof(GradScalerState))},
          [=](int64_t) {
            PC_KERNELS(grad_scaler, device).update({}, lr.as<float>(), nullptr, state->scaler.as<GradScalerState>());
          },
          {}};
    });
  }
}

}  // namespace pc::bench
