// batch_norm after each convolution of ResNet18: with ReLU alone, and as the end of a block with the residual. On a GPU also
// in one launch, for the shapes that fit on an H100.
#include "bench/op_timing.h"
#include "kernels/batch_norm/batch_norm_persistent.h"
#include "tests/ops/batch_norm_cases.h"

void pc::bench::register_all() {
  add_resnet18_ops([](const std::vector<ConvLayer>& layers, Device device, DType dtype) {
    std::vector<test::OpCase> cases;
    for (const auto& [name, s, count] : layers)
      for (const bool residual : {false, true}) {
        if (residual && !name.ends_with(".3x3")) continue;
        const auto add_case = [&](bool persistent) {
          cases.push_back(
              test::batch_norm_case({s.n, s.p(), s.q(), s.k}, {.residual = residual, .persistent = persistent}));
          cases.back().name = name + (residual ? "+residual" : "") + (persistent ? "/persistent" : "");
        };
        add_case(false);
        const BatchNormShape shape{.rows = s.y_pixels(), .c = s.k};
        if (device == Device::cuda &&
            batch_norm_tile(shape, dtype, 2, {.multiprocessors = 132, .shared_bytes = 232448}))
          add_case(true);
      }
    return cases;
  });
}
