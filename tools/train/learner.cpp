#include "tools/train/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "data/cache_folder.h"
#include "engine/weight_average.h"
#include "kernels/base/error.h"
#include "kernels/base/math.h"
#include "tools/train/class_weights.h"
#include "tools/train/start.h"

namespace pc::train {
namespace {

OptimizerOptions optimizer_options(const runs::TrainConfig& config) {
  return {.kind = config.train.optimizer,
          .momentum = float(config.train.momentum),
          .nesterov = config.train.nesterov,
          .weight_decay = float(config.train.weight_decay),
          .gradients = {.dynamic = config.train.precision == "f16", .clip = float(config.train.clip)},
          .lr_scale = [decay = config.train.layer_decay](const std::string& name) {
            return float(std::pow(decay, stages_above(name)));
          }};
}

constexpr float kFirstLossScale = 4096;  // of f16 training

runs::BatchRecipe batch_recipe(const runs::TrainConfig& config) {
  const auto& a = config.augment;
  return {.augmentation = {.flip = float(a.flip),
                           .min_area = float(a.min_area),
                           .max_area = float(a.max_area),
                           .max_stretch = float(a.max_stretch),
                           .rotate = float(a.rotate),
                           .brightness = float(a.brightness),
                           .contrast = float(a.contrast),
                           .saturation = float(a.saturation),
                           .temperature = float(a.temperature),
                           .erase = float(a.erase),
                           .trivial = float(a.trivial),
                           .background = float(a.background)},
          .mixing = {.mixup = float(a.mixup), .cutmix = float(a.cutmix)},
          .seed = uint64_t(config.train.seed)};
}

}  // namespace

Learner::Learner(const runs::TrainConfig& config, const runs::DataPlan& plan, const ModelInfo& info)
    : config_(config),
      plan_(plan),
      info_(info),
      engines_(config.device(),
               config.data.cache.empty() ? data::default_cache_folder() : std::filesystem::path(config.data.cache)),
      model_(starting_model(config, info)),
      optimizer_(*model_, optimizer_options(config)),
      schedule_{.kind = config.train.schedule,
                .peak = float(config.train.lr),
                .steps = config.train.epochs * steps_per_epoch(),
                .warm_up = float(config.train.warm_up)},
      batches_(plan.catalog, plan.store, info.preprocess, dtype_from_name(config.train.precision), config.device(),
               batch_recipe(config)),
      head_weights_(Tensor::from({int64_t(info.heads.size())}, config.head_weights(), config.device())),
      metrics_(info.heads.size(), config.device()),
      counted_(config.device(), metrics_.bytes() + sizeof(GradScalerState)),
      drawn_(
          config.device(),
          std::size_t(config.train.accumulate) * batches_.table_bytes(std::size_t(config.train.batch)) + sizeof(float)),
      step_(config.device(), config.train.cuda_graph) {
  if (step_pictures() > int64_t(plan.train.size()))
    fail(Exit::usage,
         fmt::format("train.batch x train.accumulate = {} x {}: more than the {} training images; lower train.batch",
                     config.train.batch, config.train.accumulate, plan.train.size()));
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    const std::vector<float> weights = class_weights(config.train.class_weights, plan.training_counts(h));
    class_weights_.push_back(weights.empty() ? Tensor()
                                             : Tensor::from({int64_t(weights.size())}, weights, config.device()));
  }
  if (config.train.precision == "f16") optimizer_.set_state({.scale = kFirstLossScale});
  model_->visit("", [&](const std::string& name, Var& value, Role) {
    if (value.requires_grad() && !is_head(name)) body_.push_back({value, stages_above(name)});
  });
  if (config.train.ema > 0) {
    average_ = make_classifier(info.architecture, info.head_shapes(), std::nullopt);
    copy_members(*model_, *average_);
  }
  begin_epoch();
}

int64_t Learner::epoch_pictures() const {
  const auto all = int64_t(plan_.train.size());
  return config_.train.drop_last ? std::max<int64_t>(1, all / step_pictures()) * step_pictures() : all;
}

int64_t Learner::steps_per_epoch() const { return ceil_div(epoch_pictures(), step_pictures()); }

// The first epochs train the heads alone: new heads would pull good features apart (Kumar et al., "Fine-tuning can
// distort pretrained features and underperform out-of-distribution", ICLR 2022). Then all join in, or one stage after
// the other (Howard & Ruder, ACL 2018).
void Learner::choose_parts() {
  const auto& train = config_.train;
  for (auto& [parameter, stage] : body_) {
    const bool learns = state_.epoch >= train.head_epochs + (stage - 1) * train.unfreeze_epochs;
    if (learns != parameter.requires_grad()) step_.forget();
    parameter.set_requires_grad(learns);
  }
}

void Learner::begin_epoch() {
  choose_parts();
  state_.step = 0;
  state_.loss_sums.assign(info_.heads.size(), 0);
  state_.hits.assign(info_.heads.size(), 0);
  state_.seen.assign(info_.heads.size(), 0);
}

std::vector<Var> Learner::forward(const runs::Batch& batch) {
  const std::vector<Var> logits = model_->forward(Var(batch.x), Mode::train);
  std::vector<Var> losses;
  for (std::size_t h = 0; h < logits.size(); ++h) {
    losses.push_back(
        cross_entropy(logits[h], batch.targets[h], float(config_.train.label_smoothing), class_weights_[h]));
    metrics_.add(h, logits[h].value(), batch.targets[h], losses[h].value());
  }
  return losses;
}

void Learner::descend(const std::vector<Var>& losses, int64_t batches) {
  backward(losses, optimizer_.seeds(head_weights_, float(batches)));
}

// Writes what changes from one step to the next to where run_step() finds it on the device.
void Learner::draw(std::span<const uint32_t> items) {
  const auto batch = std::size_t(config_.train.batch), bytes = batches_.table_bytes(batch);
  const auto before = uint64_t(state_.step * config_.train.accumulate);  // batches of this epoch
  for (std::size_t i = 0; i * batch < items.size(); ++i) {
    const runs::BatchPlace at{.epoch = uint64_t(state_.epoch), .number = before + i, .first = (before + i) * batch};
    batches_.draw(items.subspan(i * batch, std::min(batch, items.size() - i * batch)), at, drawn_.host() + i * bytes);
  }
  const float lr = schedule_.at(state_.total_steps);
  std::memcpy(drawn_.host() + std::size_t(config_.train.accumulate) * bytes, &lr, sizeof lr);
  drawn_.upload();
}

void Learner::run_step(int64_t pictures, const Watch& watch) {
  const int64_t batch = config_.train.batch, batches = ceil_div(pictures, batch);
  const auto bytes = batches_.table_bytes(std::size_t(batch));
  for (int64_t i = 0; i < batches; ++i) {
    const auto n = std::size_t(std::min(batch, pictures - i * batch));
    const Tensor table = drawn_.on_device().part(std::size_t(i) * bytes, {int64_t(batches_.table_bytes(n))}, DType::u8);
    const auto losses = forward(batches_.make(n, table));
    if (watch && i == 0) watch(losses);
    descend(losses, batches);
  }
  optimizer_.step(drawn_.on_device().part(std::size_t(config_.train.accumulate) * bytes, {}, DType::f32));
}

bool Learner::learn(std::span<const uint32_t> items, const Watch& watch) {
  constexpr int64_t kEvery = 16;
  const auto pictures = int64_t(items.size());
  draw(items);
  if (pictures == step_pictures())
    step_.run([&] { run_step(pictures, watch); });
  else
    run_step(pictures, watch);
  uncounted_ += pictures;
  ++state_.step;
  ++state_.total_steps;
  average_weights();
  if (state_.step == steps_per_epoch() || drawn_.on_device().device() == Device::cpu) return collect(), true;
  if (uncounted_ < kEvery * config_.train.batch) return false;
  const bool news = absorb();
  ask();
  return news;
}

// Every few steps; the first averages reach back less far, so that they forget the random start.
void Learner::average_weights() {
  constexpr int64_t kEvery = 8;
  if (!average_ || state_.total_steps % kEvery != 0) return;
  const double updates = double(state_.total_steps / kEvery), keep = std::pow(config_.train.ema, double(kEvery));
  average_members(*model_, *average_, float(1 - std::min(keep, updates / (9 + updates))));
}

void Learner::collect() {
  absorb();
  ask();
  absorb();
}

void Learner::ask() {
  if (uncounted_ == 0) return;
  metrics_.send(counted_, 0);
  optimizer_.send_state(counted_, metrics_.bytes());
  asked_ = std::exchange(uncounted_, 0);
}

bool Learner::absorb() {
  if (asked_ == 0) return false;
  const auto pictures = double(std::exchange(asked_, 0));
  const std::byte* counted = counted_.wait();
  for (std::size_t h = 0; h < info_.heads.size(); ++h) {
    RunningMetricsCounts counts;
    std::memcpy(&counts, counted + h * sizeof counts, sizeof counts);
    if (!std::isfinite(counts.loss))
      fail(Exit::numeric,
           fmt::format("the loss of {} is {} in step {} (epoch {}); lower train.lr ({})", info_.heads[h].name,
                       counts.loss / pictures, state_.total_steps, state_.epoch + 1, config_.train.lr));
    state_.loss_sums[h] += counts.loss;
    state_.hits[h] += int64_t(counts.hits);
    state_.seen[h] += int64_t(counts.seen);
  }
  GradScalerState scaler;
  std::memcpy(&scaler, counted + metrics_.bytes(), sizeof scaler);
  if (scaler.first_failure)
    fail(Exit::numeric, fmt::format("the gradient is not finite in step {}; lower train.lr ({}) or set train.clip",
                                    scaler.first_failure, config_.train.lr));
  return true;
}

}  // namespace pc::train
