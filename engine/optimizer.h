// Optimizers: SGD with momentum and AdamW over the parameters of a Module.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/module.h"

namespace pc {

struct OptimizerOptions {
  std::string kind = "sgd";  // sgd or adamw
  float momentum = 0.9f;     // sgd
  bool nesterov = true;      // sgd
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;  // adamw
  float weight_decay = 1e-4f;                        // not applied to biases and norms (vectors)
  std::function<float(const std::string& name)> lr_scale;  // factor on the learning rate of a parameter; empty: 1
};

class Optimizer {
 public:
  // Takes the trainable parameters as they are now; frozen ones are left out.
  Optimizer(Module& module, const OptimizerOptions& options);
  ~Optimizer();

  // One update with the gradients at hand times grad_scale; parameters without a gradient keep their value. Clears the gradients.
  void step(float lr, float grad_scale = 1.0f);

  // sqrt of the sum of squares of all gradients times grad_scale; not finite if one of them is not. Waits for the device.
  float gradient_norm(float grad_scale = 1.0f) const;
  void clear_gradients();

  // Momenta and step count, under names such as "layer1.0.conv1.weight.v", to be saved and restored bit for bit.
  void visit(const Visitor& visitor);
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }

 private:
  struct Slot {
    std::string name;
    Var parameter;
    Var m, v;  // adamw has both, sgd v
    float weight_decay, lr_scale;
  };
  OptimizerOptions options_;
  std::vector<Slot> slots_;
  int64_t steps_ = 0;
};

}  // namespace pc
