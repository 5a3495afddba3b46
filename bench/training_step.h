// A training step of ResNet18 on prepared input, as pctrain runs it: forward, loss, backward, update. On CUDA it is recorded as a graph.
#pragma once

#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "engine/ops.h"
#include "engine/optimizer.h"
#include "engine/replay.h"
#include "kernels/runtime/memory.h"
#include "models/classifier.h"

namespace pc::bench {

class TrainingStep {
 public:
  // x: [n, h, w, c] as the network takes it, on the device. `classes`: one head for each.
  TrainingStep(const Tensor& x, const std::vector<int>& classes, bool record)
      : device_(x.device()),
        record_(record && device_ == Device::cuda),
        model_(make_classifier("resnet18", heads_of(classes), 1)),
        optimizer_((move_to(*model_, device_), *model_), {.weight_decay = 1e-4f}),
        x_(x),
        lr_(Tensor::full({}, 0.01f, device_)),
        loss_({}, DType::f32, device_),
        // On the device before a step is recorded: a recording reads host memory at every launch, long after it was freed.
        seeds_(classes.size(), Tensor::full({}, 1.0f, device_)),
        replay_(device_, record_) {
    for (const int count : classes) {
      std::vector<int32_t> labels;
      for (int64_t i = 0; i < x.shape()[0]; ++i) labels.push_back(int32_t(i * 5 % count));
      targets_.push_back(Targets::of(labels, device_));
    }
  }

  // Adds the time of each phase, which a recorded step does not have. Does not wait for a recorded step.
  void run() {
    replay_.run([this] { work(); });
  }
  bool recorded() const { return replay_.recorded(); }

  // Waits. The first head's loss of the step before.
  float loss() const {
    memory::synchronize(device_);
    return loss_.item();
  }
  // Waits. Whether the loss and every parameter are finite.
  bool finite() const {
    if (!std::isfinite(loss())) return false;
    bool all = true;
    model_->visit("", [&](const std::string&, Var& member, Role) {
      for (const float value : member.value().to_vector<float>()) all &= std::isfinite(value);
    });
    return all;
  }

  double phases[3] = {};  // seconds of forward with loss, backward, update

 private:
  using Clock = std::chrono::steady_clock;

  void work() {
    auto since = Clock::now();
    const std::vector<Var> logits = model_->forward(Var(x_), Mode::train);
    std::vector<Var> losses;
    for (std::size_t i = 0; i < logits.size(); ++i) losses.push_back(cross_entropy(logits[i], targets_[i], 0.1f));
    loss_.copy_from(losses.front().value());
    since = end_phase(since, phases[0]);
    backward(losses, seeds_);
    since = end_phase(since, phases[1]);
    optimizer_.step(lr_);
    end_phase(since, phases[2]);
  }

  static std::vector<HeadShape> heads_of(const std::vector<int>& classes) {
    std::vector<HeadShape> heads;
    for (std::size_t i = 0; i < classes.size(); ++i) heads.push_back({"fc" + std::to_string(i), classes[i]});
    return heads;
  }

  Clock::time_point end_phase(Clock::time_point since, double& seconds) const {
    if (record_) return since;
    memory::synchronize(device_);
    const auto now = Clock::now();
    seconds += std::chrono::duration<double>(now - since).count();
    return now;
  }

  Device device_;
  bool record_;
  std::unique_ptr<Classifier> model_;
  Optimizer optimizer_;
  Tensor x_, lr_, loss_;
  std::vector<Tensor> seeds_;
  std::vector<Targets> targets_;
  Replay replay_;
};

}  // namespace pc::bench
