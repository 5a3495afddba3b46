// add: the sum of two gradients as large as the activations of ResNet18's first stage.
#include "bench/bench.h"
#include "kernels/add/add.h"

namespace pc::bench {

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    const Conv2dShape c = resnet18_convs(input)[1].shape;
    const int64_t n = int64_t(c.n) * c.h * c.w * c.c;
    const double bytes = 3.0 * double(n) * double(size_of(dtype));
    add("accumulate/" + label(device, dtype, input), [=] {
      const auto x = std::make_shared<Ring>(Shape{n}, dtype, device, copies_for(bytes));
      const auto y = std::make_shared<Ring>(Shape{n}, dtype, device, copies_for(bytes));
      return Subject{{device, dtype, double(n), bytes},
                     [=](int64_t i) { PC_KERNELS(add, device).accumulate(n, dtype, (*x)[i], (*y)[i]); },
                     {y.get()}};
    });
  });
}

}  // namespace pc::bench
