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
  GradScalerConfig gradients;                       // loss scaling and clipping; see kernels/grad_scaler/grad_scaler.h
  std::function<float(const std::string& name)> lr_scale;  // factor on the learning rate of a parameter; empty: 1
};

class Optimizer {
 public:
  // Optimizes the parameters that are trainable at this moment, not the frozen ones.
  Optimizer(Module& module, const OptimizerOptions& options);
  ~Optimizer();

  // The seeds of backward() for losses with these weights, f32 [n] on the parameters' device: scalars
  // weight / divisor * loss scale.
  std::vector<Tensor> seeds(const Tensor& weights, float divisor = 1);

  // One update with the current gradients, which it then clears; parameters without a gradient keep their value. lr: an
  // f32 scalar on the parameters' device. Everything is decided on the device: the host does not wait.
  void step(const Tensor& lr);
  void step(float lr);

  // The moments, with names such as "layer1.0.conv1.weight.v". Saving and restoring them and the scaler's state
  // continues training bit for bit.
  void visit(const Visitor& visitor);
  GradScalerState state() const;                        // waits for the device
  void send_state(Readback& to, std::size_t at) const;  // a GradScalerState, to byte `at`; does not wait
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
