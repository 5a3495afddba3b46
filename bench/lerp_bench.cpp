// lerp: one step of the running average of ResNet18's parameters.
#include "bench/bench.h"
#include "kernels/lerp/lerp.h"

namespace pc::bench {

void register_all() {
  measure_rooflines();
  for (const Setting& setting : settings()) {
    const Device device = setting.device;
    constexpr int64_t n = 11'689'512;
    const double bytes = 3.0 * 4 * double(n);
    add(std::string("resnet18/") + name_of(device), [=] {
      const auto x = std::make_shared<Ring>(Shape{n}, DType::f32, device, copies_for(bytes));
      const auto y = std::make_shared<Ring>(Shape{n}, DType::f32, device, copies_for(bytes));
      return Subject{{device, DType::f32, 3.0 * double(n), bytes},
                     [=](int64_t i) {
                       const LerpTensor all{n, static_cast<const float*>((*x)[i]), static_cast<float*>((*y)[i])};
                       PC_KERNELS(lerp, device).update(0.001f, {&all, 1});
                     },
                     {y.get()}};
    });
  }
}

}  // namespace pc::bench
