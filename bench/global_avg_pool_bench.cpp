// global_avg_pool over the last maps of ResNet18.
#include "bench/op_timing.h"
#include "tests/ops/global_avg_pool_cases.h"

void pc::bench::register_all() {
  add_resnet18_ops([](const std::vector<ConvLayer>& layers, Device, DType) {
    const Conv2dShape& last = layers.back().shape;
    return std::vector{test::global_avg_pool_case({last.n, last.p(), last.q(), last.k})};
  });
}
