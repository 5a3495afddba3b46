#include "engine/optimizer.h"

#include <cmath>

#include "kernels/adamw/adamw.h"
#include "kernels/runtime/error.h"
#include "kernels/sgd/sgd.h"
#include "kernels/sum_squares/sum_squares.h"

namespace pc {

Optimizer::Optimizer(Module& module, const OptimizerOptions& options) : options_(options) {
  if (options.kind != "sgd" && options.kind != "adamw")
    fail(Exit::usage, "unknown optimizer \"" + options.kind + "\"; use sgd or adamw");
  module.visit("", [&](const std::string& name, Var& value, Role role) {
    if (role != Role::parameter || !value.requires_grad()) return;
    const Tensor& w = value.value();
    const auto zeros = [&] { return Var(Tensor::zeros(w.shape(), DType::f32, w.device())); };
    slots_.push_back({name, value, options.kind == "adamw" ? zeros() : Var(), zeros(), w.rank() > 1 ? options.weight_decay : 0,
                      options.lr_scale ? options.lr_scale(name) : 1.0f});
  });
}

Optimizer::~Optimizer() = default;

void Optimizer::step(float lr, float grad_scale) {
  ++steps_;
  std::vector<SgdTensor> sgd;
  std::vector<AdamwTensor> adamw;
  Device device = Device::cpu;
  for (Slot& slot : slots_) {
    const Tensor& dw = slot.parameter.grad();
    if (dw.empty()) continue;
    const Tensor& w = slot.parameter.value();
    const Tensor low = slot.parameter.low();
    const DType low_type = low.empty() ? DType::bf16 : low.dtype();
    device = w.device();
    if (options_.kind == "sgd")
      sgd.push_back({w.size(), slot.weight_decay, slot.lr_scale, w.as<float>(), dw.as<float>(), slot.v.value().as<float>(), low.data(), low_type});
    else
      adamw.push_back({w.size(), slot.weight_decay, slot.lr_scale, w.as<float>(), dw.as<float>(), slot.m.value().as<float>(),
                       slot.v.value().as<float>(), low.data(), low_type});
  }
  if (!sgd.empty())
    PC_KERNELS(sgd, device).step({.lr = lr, .momentum = options_.momentum, .nesterov = options_.nesterov, .grad_scale = grad_scale}, sgd);
  if (!adamw.empty())
    PC_KERNELS(adamw, device)
        .step({.lr = lr, .beta1 = options_.beta1, .beta2 = options_.beta2, .eps = options_.eps, .grad_scale = grad_scale, .t = steps_},
              adamw);
  clear_gradients();
}

float Optimizer::gradient_norm(float grad_scale) const {
  if (slots_.empty()) return 0;
  const Device device = slots_.front().parameter.value().device();
  Buffer sum(device, sizeof(double));
  memory::zero(device, sum.data(), sizeof(double));
  std::vector<SumSquaresTensor> gradients;
  for (const Slot& slot : slots_)
    if (const Tensor& dw = slot.parameter.grad(); !dw.empty()) gradients.push_back({dw.size(), dw.as<float>()});
  PC_KERNELS(sum_squares, device).accumulate(gradients, sum.as<double>());
  double total = 0;
  memory::copy(Device::cpu, &total, device, sum.data(), sizeof total);
  return float(std::sqrt(total) * grad_scale);
}

void Optimizer::clear_gradients() {
  for (Slot& slot : slots_) slot.parameter.clear_grad();
}

void Optimizer::visit(const Visitor& visitor) {
  for (Slot& slot : slots_) {
    if (!slot.m.empty()) visitor(slot.name + ".m", slot.m, Role::buffer);
    visitor(slot.name + ".v", slot.v, Role::buffer);
  }
}

}  // namespace pc
