// The parameters of ResNet18 with one head of 143 classes, as the optimizer kernels take them.
#pragma once

#include "bench/bench.h"
#include "kernels/grad_scaler/grad_scaler.h"

namespace pc::bench {

struct OptimizerBuffers {
  std::vector<Tensor> w, dw, m, v, low;
  int64_t elements = 0;
  Buffer scaler;  // a GradScalerState with a tiny rate
  // `low_type` f32: no 16-bit copies.
  OptimizerBuffers(DType low_type, Device device) {
    const auto add = [&](const Shape& shape) {
      w.push_back(random_tensor(shape, DType::f32, device, 1));
      dw.push_back(random_tensor(shape, DType::f32, device, 2));
      m.push_back(Tensor::zeros(shape, DType::f32, device));
      v.push_back(Tensor::zeros(shape, DType::f32, device));
      low.push_back(low_type == DType::f32 ? Tensor() : Tensor::zeros(shape, low_type, device));
      elements += w.back().size();
    };
    for (const ConvLayer& layer : resnet18_convs({1, 80, 60}))
      for (int i = 0; i < layer.count; ++i) {
        const Conv2dShape& c = layer.shape;
        add({c.k, c.r, c.s, c.c});
        add({c.k});
        add({c.k});
      }
    add({143, 512});
    add({143});
    scaler = Buffer(device, sizeof(GradScalerState));
    const GradScalerState state{.lr = 1e-6f, .updates = 1};
    memory::copy(device, scaler.data(), Device::cpu, &state, sizeof state);
  }
};

}  // namespace pc::bench
