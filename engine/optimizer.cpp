#include "engine/optimizer.h"

#include "kernels/adamw/adamw.h"
#include "kernels/base/error.h"
#include "kernels/sgd/sgd.h"
#include "kernels/sum_squares/sum_squares.h"

namespace pc {

Optimizer::Optimizer(Module& module, const OptimizerOptions& options) : options_(options) {
  if (options.kind != "sgd" && options.kind != "adamw")
    fail(Exit::usage, "unknown optimizer \"" + options.kind + "\"; use sgd or adamw");
  module.visit("", [&](const std::string& name, Var& value, Role role) {
    device_ = value.value().device();
    if (role != Role::parameter || !value.requires_grad()) return;
    const Tensor& w = value.value();
    const auto zeros = [&] { return Var(Tensor::zeros(w.shape(), DType::f32, w.device())); };
    slots_.push_back({name, value, options.kind == "adamw" ? zeros() : Var(), zeros(),
                      w.rank() > 1 ? options.weight_decay : 0, options.lr_scale ? options.lr_scale(name) : 1.0f});
  });
  state_ = Buffer(device_, sizeof(GradScalerState));
  set_state({});
}

Optimizer::~Optimizer() = default;

GradScalerState Optimizer::state() const {
  GradScalerState state;
  memory::copy(Device::cpu, &state, device_, state_.data(), sizeof state);
  return state;
}

void Optimizer::send_state(Readback& to, std::size_t at) const { to.ask(at, state_.data(), sizeof(GradScalerState)); }

void Optimizer::set_state(const GradScalerState& state) {
  memory::copy(device_, state_.data(), Device::cpu, &state, sizeof state);
}

std::vector<Tensor> Optimizer::seeds(const Tensor& weights, float divisor) {
  const Tensor all(weights.shape(), DType::f32, device_);
  PC_KERNELS(grad_scaler, device_)
      .seeds(int(all.size()), weights.as<float>(), divisor, state_.as<GradScalerState>(), all.as<float>());
  std::vector<Tensor> seeds;
  for (int64_t i = 0; i < all.size(); ++i) seeds.push_back(all.part(std::size_t(i) * sizeof(float), {}, DType::f32));
  return seeds;
}

void Optimizer::scale_gradients(const Tensor& lr) {
  Tensor sum;
  if (options_.gradients.needs_norm()) {
    sum = Tensor::zeros({sizeof(double)}, DType::u8, device_);
    std::vector<SumSquaresTensor> gradients;
    for (const Slot& slot : slots_)
      if (const Tensor& dw = slot.parameter.grad(); !dw.empty()) gradients.push_back({dw.size(), dw.as<float>()});
    PC_KERNELS(sum_squares, device_).accumulate(gradients, sum.as<double>());
  }
  PC_KERNELS(grad_scaler, device_)
      .update(options_.gradients, lr.as<float>(), sum.as<double>(), state_.as<GradScalerState>());
}

void Optimizer::step(float lr) { step(Tensor::full({}, lr, device_)); }

void Optimizer::step(const Tensor& lr) {
  scale_gradients(lr);
  std::vector<SgdTensor> sgd;
  std::vector<AdamwTensor> adamw;
  for (Slot& slot : slots_) {
    const Tensor& dw = slot.parameter.grad();
    if (dw.empty()) continue;
    const Tensor& w = slot.parameter.value();
    const Tensor low = slot.parameter.low();
    const DType low_type = low.empty() ? DType::bf16 : low.dtype();
    if (options_.kind == "sgd")
      sgd.push_back({w.size(), slot.weight_decay, slot.lr_scale, w.as<float>(), dw.as<float>(),
                     slot.v.value().as<float>(), low.data(), low_type});
    else
      adamw.push_back({w.size(), slot.weight_decay, slot.lr_scale, w.as<float>(), dw.as<float>(),
                       slot.m.value().as<float>(), slot.v.value().as<float>(), low.data(), low_type});
  }
  const auto* state = state_.as<GradScalerState>();
  if (!sgd.empty())
    PC_KERNELS(sgd, device_).step({.momentum = options_.momentum, .nesterov = options_.nesterov}, state, sgd);
  if (!adamw.empty())
    PC_KERNELS(adamw, device_)
        .step({.beta1 = options_.beta1, .beta2 = options_.beta2, .eps = options_.eps}, state, adamw);
  for (Slot& slot : slots_) slot.parameter.clear_grad();
}

void Optimizer::visit(const Visitor& visitor) {
  for (Slot& slot : slots_) {
    if (!slot.m.empty()) visitor(slot.name + ".m", slot.m, Role::buffer);
    visitor(slot.name + ".v", slot.v, Role::buffer);
  }
}

}  // namespace pc
