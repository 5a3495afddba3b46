// grad_scaler: the seeds of six heads, and the update of a step: two launches, whose time is the launch overhead.
#include "bench/bench.h"
#include "kernels/grad_scaler/grad_scaler.h"

namespace pc::bench {
namespace {

constexpr int kHeads = 6;

struct Operands {
  explicit Operands(Device device)
      : weights(Tensor::full({kHeads}, 1, device)),
        seeds({kHeads}, DType::f32, device),
        lr(Tensor::full({}, 0.1f, device)),
        state(device, sizeof(GradScalerState)) {
    const GradScalerState fresh;
    memory::copy(device, state.data(), Device::cpu, &fresh, sizeof fresh);
  }
  Tensor weights, seeds, lr;
  Buffer state;
};

}  // namespace

void register_all() {
  measure_rooflines();
  for (const Setting& setting : settings()) {
    const Device device = setting.device;
    const auto& kernels = PC_KERNELS(grad_scaler, device);
    add(std::string("seeds/") + name_of(device) + "/f32", [=, &kernels] {
      return Subject{{device, DType::f32, 2.0 * kHeads, 8.0 * kHeads},
                     [&kernels, o = std::make_shared<Operands>(device)](int64_t) {
                       kernels.seeds(kHeads, o->weights.as<float>(), 1, o->state.as<GradScalerState>(),
                                     o->seeds.as<float>());
                     },
                     {}};
    });
    add(std::string("update/") + name_of(device) + "/f32", [=, &kernels] {
      return Subject{{device, DType::f32, 10, double(sizeof(GradScalerState))},
                     [&kernels, o = std::make_shared<Operands>(device)](int64_t) {
                       kernels.update({}, o->lr.as<float>(), nullptr, o->state.as<GradScalerState>());
                     },
                     {}};
    });
  }
}

}  // namespace pc::bench
