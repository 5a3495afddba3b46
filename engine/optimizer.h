// Optimizers: SGD with momentum and AdamW over the parameters of a Module.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/module.h"
#include "engine/readback.h"
#include "kernels/grad_scaler/grad_scaler.h"

namespace pc {

struct OptimizerOptions {
  std::string kind = "sgd";                         // sgd or adamw
  float momentum = 0.9f;                            // sgd
  bool nesterov = true;                             // sgd
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;  // adamw
  float weight_decay = 1e-4f;                       // not applied to biases and norms (vectors)
  GradScalerConfig gradients;                       // what is done with them; see kernels/grad_scaler/grad_scaler.h
  std::function<float(const std::string& name)> lr_scale;  // factor on the learning rate of a parameter; empty: 1
};

class Optimizer {
 public:
  // Takes the trainable parameters as they are now; frozen ones are left out.
  Optimizer(Module& module, const OptimizerOptions& options);
  ~Optimizer();

  // What backward() begins with for losses of these weights, f32 [n] on the parameters' device, each divided by
  // `divisor`: scalars that carry the loss scale.
  std::vector<Tensor> seeds(const Tensor& weights, float divisor = 1);

  // One update with the gradients at hand; parameters without a gradient keep their value. Clears the gradients. lr: an
  // f32 scalar on the parameters' device, where all is decided: nobody waits.
  void step(const Tensor& lr);
  void step(float lr);

  // Momenta, under names such as "layer1.0.conv1.weight.v", to be saved and restored bit for bit together with the
  // scaler's state.
  void visit(const Visitor& visitor);
  GradScalerState state() const;                        // waits for the device
  void send_state(Readback& to, std::size_t at) const;  // a GradScalerState, to byte `at`
  void set_state(const GradScalerState& state);

 private:
  struct Slot {
    std::string name;
    Var parameter;
    Var m, v;  // adamw has both, sgd v
    float weight_decay, lr_scale;
  };
  void scale_gradients(const Tensor& lr);
  OptimizerOptions options_;
  std::vector<Slot> slots_;
  Device device_ = Device::cpu;
  Buffer state_;  // a GradScalerState
};

}  // namespace pc
