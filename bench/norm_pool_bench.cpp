// norm_pool after the stem's convolution of ResNet18.
#include "bench/op_timing.h"
#include "tests/ops/norm_pool_cases.h"

void pc::bench::register_all() {
  add_resnet18_ops([](const std::vector<ConvLayer>& layers, Device, DType) {
    const Conv2dShape& stem = layers.front().shape;
    return std::vector{test::norm_pool_case({stem.n, stem.p(), stem.q(), stem.k}, {}, {})};
  });
}
