// Learner: a model with its optimizer and its running average, and what one training step does to them.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/optimizer.h"
#include "engine/readback.h"
#include "engine/replay.h"
#include "engine/running_metrics.h"
#include "engine/schedule.h"
#include "engine/upload_ring.h"
#include "models/model_file.h"
#include "tools/runs/batches.h"
#include "tools/runs/data_plan.h"
#include "tools/runs/run_folder.h"
#include "tools/runs/train_config.h"
#include "tools/train/engine_file.h"

namespace pc {

class Learner {
 public:
  // All three must outlive it. Errors: as starting_model; Error(usage) where a step takes more pictures than there are.
  Learner(const TrainConfig& config, const DataPlan& plan, const ModelInfo& info);

  Classifier& model() { return *model_; }
  Classifier* average() { return average_.get(); }  // with train.ema, else null
  Classifier& result() { return average_ ? *average_ : *model_; }
  Optimizer& optimizer() { return optimizer_; }
  const BatchMaker& batches() const { return batches_; }
  TrainState& state() { return state_; }

  int64_t step_pictures() const { return config_.train.batch * config_.train.accumulate; }
  int64_t epoch_pictures() const;  // those that an epoch visits
  int64_t steps_per_epoch() const;
  // The learning rate of a step, counted over the whole run; set_rate() gives all steps the same from now on.
  float rate_at(int64_t step) const { return schedule_.at(step); }
  void set_rate(float lr) { schedule_ = {.kind = "constant", .peak = lr}; }

  // Keeps what was found out about the convolutions for later runs.
  void save_engines() { engines_.save(); }

  void begin_epoch();
  // Which parts learn in the state's epoch; begin_epoch() does it too.
  void choose_parts();
  // One step on step_pictures() items, or on fewer at the end of an epoch; true where it brought news into state(). Throws Error(numeric) where a loss or
  // the gradient is not finite; on a GPU up to 32 batches later. `watch` gets every head's loss of the first batch, with the record of how it was made; with
  // train.cuda_graph not in every step.
  using Watch = std::function<void(const std::vector<Var>& losses)>;
  bool learn(std::span<const uint32_t> items, const Watch& watch = {});
  // Brings the losses and hits of all batches into state(), and waits for them. On the CPU that happens after every
  // step; on a GPU only at the end of an epoch: before, state() gets them some batches late, so that nobody waits.
  // Throws Error(numeric) where a loss or a gradient is not finite.
  void collect();
  // Those of this epoch that state() has not heard of.
  int64_t missing_pictures() const { return asked_ + uncounted_; }

 private:
  void draw(std::span<const uint32_t> items);
  void run_step(int64_t pictures, const Watch& watch);
  std::vector<Var> forward(const Batch& batch);
  void descend(const std::vector<Var>& losses, int64_t batches);
  void ask();
  bool absorb();
  void average_weights();

  struct BodyParameter {
    Var parameter;
    int stage;  // stages between it and the logits, from 1
  };
  const TrainConfig& config_;
  const DataPlan& plan_;
  const ModelInfo& info_;
  EngineFile engines_;
  std::unique_ptr<Classifier> model_, average_;
  Optimizer optimizer_;
  std::vector<BodyParameter> body_;  // the parameters that learn and belong to no head
  Schedule schedule_;
  BatchMaker batches_;
  Tensor head_weights_;
  std::vector<Tensor> class_weights_;  // per head; empty: none
  RunningMetrics metrics_;
  Readback counted_;  // the running_metrics's counts and the optimizer's state, as they were when asked for
  int64_t uncounted_ = 0, asked_ = 0;  // pictures in metrics_, and in counted_
  UploadRing drawn_;                   // the tables of a step's batches, then its learning rate
  Replay step_;
  TrainState state_;
};

}  // namespace pc
