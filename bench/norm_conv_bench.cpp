// norm_conv over the second convolutions of ResNet18's blocks, as one op (in f16 on CUDA) and as two. The sums of x are given.
#include "bench/op_timing.h"
#include "tests/ops/norm_conv_cases.h"

void pc::bench::register_all() {
  add_resnet18_ops([](const std::vector<ConvLayer>& layers, Device, DType) {
    std::vector<test::OpCase> cases;
    for (const ConvLayer& layer : layers) {
      if (layer.shape.c != layer.shape.k || layer.shape.stride > 1) continue;
      for (const bool fused : {true, false}) {
        cases.push_back(test::norm_conv_case(layer.shape, {.sums = true}, fused));
        cases.back().name = layer.name + (fused ? "/fused" : "/parts");
      }
    }
    return cases;
  });
}
