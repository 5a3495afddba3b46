// adamw: one update of all parameters of ResNet18, with and without their 16-bit copies.
#include "bench/optimizer_buffers.h"
#include "kernels/adamw/adamw.h"

namespace pc::bench {

void register_all() {
  measure_rooflines();
  for (const Setting& setting : settings())
    for (const DType low : setting.dtypes) {
      const Device device = setting.device;
      add(std::string("step/") + name_of(device) + "/" + name_of(low), [=] {
        const auto b = std::make_shared<OptimizerBuffers>(low, device);
        std::vector<AdamwTensor> tensors;
        for (std::size_t i = 0; i < b->w.size(); ++i)
          tensors.push_back({b->w[i].size(), b->w[i].rank() > 1 ? 1e-2f : 0, 1, b->w[i].as<float>(),
                             b->dw[i].as<float>(), b->m[i].as<float>(), b->v[i].as<float>(), b->low[i].data(), low});
        const double n = double(b->elements);  // reads w, dw, m, v; writes w, m, v and the copy
        return Subject{
            {device, DType::f32, 16 * n, n * (28 + (low == DType::f32 ? 0 : 2))},
            [=, keep = b](int64_t) { PC_KERNELS(adamw, device).step({}, keep->scaler.as<GradScalerState>(), tensors); },
            {}};
      });
    }
}

}  // namespace pc::bench
