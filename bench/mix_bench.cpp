// mix: half of a training batch with mixup, half with cutmix.
#include "bench/bench.h"
#include "engine/ops.h"

namespace pc::bench {

void register_all() {
  measure_rooflines();
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes) {
      const Device device = setting.device;
      const MixShape shape{.n = 64, .h = 80, .w = 60, .c = picture_channels(device, dtype)};
      const double values = double(shape.n) * shape.h * shape.w * shape.c, bytes = 2 * values * double(size_of(dtype));
      add(std::string("mixup_and_cutmix/") + name_of(device) + "/" + name_of(dtype) + "/b64", [=] {
        const Tensor table({int64_t(sizeof(MixPair)) * shape.n / 2}, DType::u8, Device::cpu);
        for (int i = 0; i < shape.n / 2; ++i)
          table.as<MixPair>()[i] = i % 2 ? MixPair{.lambda = 0.3f} : MixPair{.x = 10, .y = 20, .w = 30, .h = 40};
        const auto pairs = std::make_shared<Tensor>(table.to(device));
        const auto y =
            std::make_shared<Ring>(Shape{shape.n, shape.h, shape.w, shape.c}, dtype, device, copies_for(bytes));
        return Subject{{device, dtype, 3 * values, bytes},
                       [=](int64_t i) { PC_KERNELS(mix, device).apply(shape, dtype, pairs->as<MixPair>(), (*y)[i]); },
                       {y.get()}};
      });
    }
}

}  // namespace pc::bench
