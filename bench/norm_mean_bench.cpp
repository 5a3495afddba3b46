// norm_mean at the end of ResNet18.
#include "bench/op_timing.h"
#include "tests/ops/norm_mean_cases.h"

void pc::bench::register_all() {
  add_resnet18_ops([](const std::vector<ConvLayer>& layers, Device, DType) {
    const Conv2dShape& last = layers.back().shape;
    return std::vector{test::norm_mean_case({last.n, last.p(), last.q(), last.k}, {.residual = true})};
  });
}
