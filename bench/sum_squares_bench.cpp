// sum_squares over as many values as ResNet18 has parameters.
#include "bench/bench.h"
#include "kernels/sum_squares/sum_squares.h"

namespace pc::bench {

void register_all() {
  measure_rooflines();
  constexpr int64_t n = 11'249'999;
  for (const Setting& setting : settings()) {
    const Device device = setting.device;
    add(std::string("accumulate/") + name_of(device) + "/f32", [=] {
      const auto x = std::make_shared<Ring>(Shape{n}, DType::f32, device, copies_for(4.0 * n));
      const auto sum = std::make_shared<Buffer>(device, sizeof(double));
      memory::zero(device, sum->data(), sizeof(double));
      return Subject{{device, DType::f32, 2.0 * n, 4.0 * n},
                     [=](int64_t i) {
                       const SumSquaresTensor tensor{n, x->f32(i)};
                       PC_KERNELS(sum_squares, device).accumulate({&tensor, 1}, sum->as<double>());
                     },
                     {x.get()}};
    });
  }
}

}  // namespace pc::bench
