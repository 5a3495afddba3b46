#include "tools/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "engine/file.h"
#include "engine/schedule.h"
#include "engine/weight_average.h"
#include "kernels/runtime/parallel.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop.h"
#include "tools/report/report.h"
#include "tools/train/calibrate.h"
#include "tools/train/class_weights.h"
#include "tools/train/data_plan.h"
#include "tools/train/evaluate.h"
#include "tools/train/held_back.h"
#include "tools/train/lr_find.h"
#include "tools/train/run_folder.h"
#include "tools/train/split_file.h"
#include "tools/train/start.h"
#include "tools/train/tensorboard.h"

namespace pc {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

OptimizerOptions optimizer_options(const TrainConfig& config) {
  return {.kind = config.train.optimizer,
          .momentum = float(config.train.momentum),
          .nesterov = config.train.nesterov,
          .weight_decay = float(config.train.weight_decay),
          .lr_scale = [decay = config.train.layer_decay](const std::string& name) { return float(std::pow(decay, stages_above(name))); }};
}

// Scales the loss of f16 training so that small gradients survive: halved on overflow, doubled after 2000 good steps
// (Micikevicius et al., "Mixed Precision Training", ICLR 2018).
constexpr double kFirstScale = 4096, kSmallestScale = 1.0 / 16384;
constexpr int64_t kGoodSteps = 2000;

BatchRecipe batch_recipe(const TrainConfig& config) {
  const auto& a = config.augment;
  return {.augmentation = {.flip = float(a.flip), .min_area = float(a.min_area), .max_area = float(a.max_area), .max_stretch = float(a.max_stretch),
                           .rotate = float(a.rotate), .brightness = float(a.brightness), .contrast = float(a.contrast),
                           .saturation = float(a.saturation), .temperature = float(a.temperature), .erase = float(a.erase),
                           .background = float(a.background)},
          .mixing = {.mixup = float(a.mixup), .cutmix = float(a.cutmix)},
          .seed = uint64_t(config.train.seed)};
}

class Trainer {
 public:
  explicit Trainer(TrainConfig& config);
  Exit run(RunFolder& folder);
  void dry_run();
  std::vector<LrProbe> probe_rates();

 private:
  int64_t step_pictures() const { return config_.train.batch * config_.train.accumulate; }
  int64_t steps_per_epoch() const { return std::max<int64_t>(1, int64_t(plan_.train.size()) / step_pictures()); }
  void choose_learners();
  void begin_epoch();
  Classifier& result() { return average_ ? *average_ : *model_; }
  std::vector<Var> forward(const Batch& batch);
  void descend(const std::vector<Var>& losses);
  void learn(std::span<const uint32_t> items);
  void end_step();
  void average();
  bool train_epoch(RunFolder& folder);
  void end_epoch(RunFolder& folder, double seconds);
  void keep_best(RunFolder& folder, const std::vector<HeadScore>& val);
  bool finished() const;
  void finish(RunFolder& folder);
  void update(float lr);
  void count(const Batch& batch, const std::vector<Var>& logits, const std::vector<Var>& losses);
  void describe(const std::vector<Record>& steps);
  void save(RunFolder& folder);
  std::vector<HeadScore> score(Classifier& model, const std::vector<uint32_t>& items, const char* label);
  json train_scores() const;

  TrainConfig& config_;
  DataPlan plan_;
  ModelInfo info_;
  struct BodyParameter {
    Var parameter;
    int stage;  // stages between it and the logits, from 1
  };
  std::unique_ptr<Classifier> model_;
  std::unique_ptr<Classifier> average_;  // with train.ema
  Optimizer optimizer_;
  std::vector<BodyParameter> body_;  // the parameters that learn and belong to no head
  Schedule schedule_;
  BatchMaker batches_;
  std::vector<float> head_weights_;
  std::vector<Tensor> class_weights_;  // per head; empty: none
  TrainState state_;
};

Trainer::Trainer(TrainConfig& config)
    : config_(config),
      plan_(plan_data(config)),
      info_(model_info(config, plan_)),
      model_(starting_model(config, info_)),
      optimizer_(*model_, optimizer_options(config)),
      schedule_{.kind = config.train.schedule, .peak = float(config.train.lr), .steps = config.train.epochs * steps_per_epoch(),
                .warm_up = float(config.train.warm_up)},
      batches_(plan_.catalogue, plan_.store, info_.preprocess, dtype_from_name(config.train.precision), device_from_name(config.train.device),
               batch_recipe(config)),
      head_weights_(config.head_weights()) {
  if (step_pictures() > int64_t(plan_.train.size()))
    fail(Exit::usage, fmt::format("train.batch x train.accumulate = {} x {}: more than the {} training pictures", config.train.batch,
                                  config.train.accumulate, plan_.train.size()));
  for (std::size_t h = 0; h < info_.heads.size(); ++h) {
    const std::vector<float> weights = class_weights(config.train.class_weights, plan_.training_counts(h));
    class_weights_.push_back(weights.empty() ? Tensor() : Tensor::from({int64_t(weights.size())}, weights, device_from_name(config.train.device)));
  }
  state_.loss_scale = config.train.precision == "f16" ? kFirstScale : 1;
  model_->visit("", [&](const std::string& name, Var& value, Role) {
    if (value.requires_grad() && !is_head(name)) body_.push_back({value, stages_above(name)});
  });
  if (config.train.ema > 0) {
    average_ = make_classifier(info_.architecture, info_.head_shapes(), std::nullopt);
    copy_members(*model_, *average_);
  }
  begin_epoch();
}

// The first epochs train the heads alone: new heads would pull good features apart (Kumar et al., "Fine-tuning can distort
// pretrained features and underperform out-of-distribution", ICLR 2022). Then all join in, or one stage after the other (Howard & Ruder,
// ACL 2018).
void Trainer::choose_learners() {
  const auto& train = config_.train;
  for (auto& [parameter, stage] : body_)
    parameter.set_requires_grad(state_.epoch >= train.head_epochs + (stage - 1) * train.unfreeze_epochs);
}

void Trainer::begin_epoch() {
  choose_learners();
  state_.step = 0;
  state_.loss_sums.assign(info_.heads.size(), 0);
  state_.hits.assign(info_.heads.size(), 0);
  state_.seen.assign(info_.heads.size(), 0);
}

// The loss of every head; throws Error(numeric) where one is not finite.
std::vector<Var> Trainer::forward(const Batch& batch) {
  const std::vector<Var> logits = model_->forward(Var(batch.x), Mode::train);
  std::vector<Var> losses;
  for (std::size_t h = 0; h < logits.size(); ++h)
    losses.push_back(cross_entropy(logits[h], batch.targets[h], float(config_.train.label_smoothing), class_weights_[h]));
  count(batch, logits, losses);
  return losses;
}

void Trainer::descend(const std::vector<Var>& losses) {
  std::vector<float> seeds;
  for (const float weight : head_weights_) seeds.push_back(weight * float(state_.loss_scale / double(config_.train.accumulate)));
  backward(losses, seeds);
}

// One step on so many pictures as it takes.
void Trainer::learn(std::span<const uint32_t> items) {
  const auto batch = std::size_t(config_.train.batch);
  for (std::size_t begin = 0; begin < items.size(); begin += batch) {
    const uint64_t number = (uint64_t(state_.step * step_pictures()) + begin) / batch;
    descend(forward(batches_.random(items.subspan(begin, batch), uint64_t(state_.epoch), number)));
  }
  end_step();
}

void Trainer::end_step() {
  update(schedule_.at(state_.total_steps));
  ++state_.step;
  ++state_.total_steps;
  average();
}

// Every few steps; the first averages reach back less far, so that they forget the random start.
void Trainer::average() {
  constexpr int64_t kEvery = 8;
  if (!average_ || state_.total_steps % kEvery != 0) return;
  const double updates = double(state_.total_steps / kEvery), keep = std::pow(config_.train.ema, double(kEvery));
  average_members(*model_, *average_, float(1 - std::min(keep, updates / (9 + updates))));
}

void Trainer::update(float lr) {
  const bool scaled = config_.train.precision == "f16";
  float grad_scale = float(1 / state_.loss_scale);
  if (scaled || config_.train.clip > 0) {
    const float norm = optimizer_.gradient_norm(grad_scale);
    if (!std::isfinite(norm) && scaled && state_.loss_scale > kSmallestScale) {
      optimizer_.clear_gradients();
      state_.loss_scale /= 2;
      state_.good_steps = 0;
      return;
    }
    if (!std::isfinite(norm))
      fail(Exit::numeric, fmt::format("the gradient is not finite in step {}; lower train.lr ({}) or set train.clip", state_.total_steps + 1, config_.train.lr));
    if (config_.train.clip > 0 && norm > float(config_.train.clip)) grad_scale *= float(config_.train.clip) / norm;
  }
  optimizer_.step(lr, grad_scale);
  if (scaled && ++state_.good_steps % kGoodSteps == 0) state_.loss_scale *= 2;
}

void Trainer::count(const Batch& batch, const std::vector<Var>& logits, const std::vector<Var>& losses) {
  const auto n = std::size_t(batch.x.shape()[0]);
  for (std::size_t h = 0; h < logits.size(); ++h) {
    const float loss = losses[h].value().item();
    if (!std::isfinite(loss))
      fail(Exit::numeric, fmt::format("the loss of {} is {} in step {} (epoch {}); lower train.lr ({})", info_.heads[h].name, loss,
                                      state_.total_steps + 1, state_.epoch + 1, config_.train.lr));
    state_.loss_sums[h] += double(loss) * double(n);
    const std::vector<float> values = logits[h].value().to_vector<float>();
    const std::vector<int32_t> labels = batch.targets[h].a.to_vector<int32_t>();
    const auto classes = std::ptrdiff_t(info_.heads[h].labels.size());
    for (std::size_t i = 0; i < n; ++i) {
      if (labels[i] < 0) continue;
      const auto row = values.begin() + std::ptrdiff_t(i) * classes;
      ++state_.seen[h];
      state_.hits[h] += std::max_element(row, row + classes) - row == labels[i];
    }
  }
}

json Trainer::train_scores() const {
  json scores = json::object();
  const double pictures = std::max(1.0, double(state_.step * step_pictures()));
  for (std::size_t h = 0; h < info_.heads.size(); ++h)
    scores[info_.heads[h].name] = {{"loss", state_.loss_sums[h] / pictures},
                                   {"accuracy", double(state_.hits[h]) / double(std::max<int64_t>(1, state_.seen[h]))}};
  return scores;
}

// One epoch, or what is left of it. False when a signal stopped it.
bool Trainer::train_epoch(RunFolder& folder) {
  const auto order = plan_.order(config_, uint64_t(state_.epoch));
  const int64_t pictures = step_pictures(), steps = steps_per_epoch();
  Progress progress(fmt::format("epoch {}/{}", state_.epoch + 1, config_.train.epochs), steps * pictures);
  std::vector<uint32_t> items(static_cast<std::size_t>(pictures));
  while (state_.step < steps) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < pictures; ++i) items[std::size_t(i)] = plan_.train[order[std::size_t(state_.step * pictures + i)]];
    learn(items);
    state_.seconds += seconds_since(start);
    const double total = double(state_.step * pictures);
    progress.update(state_.step * pictures, fmt::format("loss {:.3f} accuracy {:.3f}", state_.loss_sums.back() / total,
                                                        double(state_.hits.back()) / double(std::max<int64_t>(1, state_.seen.back()))));
    if (stop_requested()) return save(folder), false;
    if (config_.train.save_every > 0 && state_.total_steps % config_.train.save_every == 0 && state_.step < steps) save(folder);
  }
  return true;
}

std::vector<HeadScore> Trainer::score(Classifier& model, const std::vector<uint32_t>& items, const char* label) {
  Progress progress(label, int64_t(items.size()));
  return evaluate(model, info_.head_shapes(), batches_, items, int(std::min<int64_t>(config_.train.batch, 64)),
                  [&](int64_t done) { progress.update(done); });
}

void Trainer::end_epoch(RunFolder& folder, double seconds) {
  const double rate = double(steps_per_epoch() * step_pictures()) / seconds;
  json event{{"event", "epoch"}, {"epoch", state_.epoch + 1}, {"lr", schedule_.at(state_.total_steps - 1)}, {"train", train_scores()},
             {"seconds", seconds}, {"img_per_s", rate}};
  std::string line = fmt::format("epoch {}/{}: {:.0f} img/s", state_.epoch + 1, config_.train.epochs, rate);
  const auto val = plan_.val.empty() ? std::vector<HeadScore>{} : score(result(), plan_.val, "validating");
  if (!val.empty()) event["val"] = to_json(val);
  for (std::size_t h = 0; h < info_.heads.size(); ++h) {
    const json& t = event["train"][info_.heads[h].name];
    line += fmt::format(" | {} loss {:.3f} accuracy {:.3f}", info_.heads[h].name, t["loss"].get<double>(), t["accuracy"].get<double>());
    if (!val.empty()) line += fmt::format(", val {:.4f} (majority {:.4f})", val[h].accuracy(), val[h].majority());
  }
  fmt::print(stderr, "{}\n", line);
  folder.log(event);
  keep_best(folder, val);
  ++state_.epoch;
  begin_epoch();
  save(folder);
  write_tensorboard(folder.path());
}

// With patience, the weights of the epoch with the best mean validation accuracy are the result.
void Trainer::keep_best(RunFolder& folder, const std::vector<HeadScore>& val) {
  if (config_.train.patience == 0) return;
  double accuracy = 0;
  for (const HeadScore& s : val) accuracy += s.accuracy() / double(val.size());
  if (accuracy <= state_.best) return;
  state_.best = accuracy;
  state_.best_epoch = state_.epoch + 1;
  save_model(folder.best_path(), info_, result());
}

bool Trainer::finished() const {
  const auto& train = config_.train;
  if (train.patience > 0 && state_.epoch - state_.best_epoch >= train.patience) return true;
  if (train.max_minutes > 0 && state_.seconds >= 60 * train.max_minutes) return true;
  return state_.epoch >= train.epochs;
}

void Trainer::save(RunFolder& folder) {
  state_.log_bytes = folder.log_bytes();
  save_checkpoint(folder, *model_, average_.get(), optimizer_, state_);
}

Exit Trainer::run(RunFolder& folder) {
  const auto split_path = folder.path() / "split.csv";
  const std::string split = split_csv(plan_.catalogue, plan_.split, plan_.groups);
  if (const auto state = load_checkpoint(folder, *model_, average_.get(), optimizer_)) {
    check_split(split_path, split);
    state_ = *state;
    folder.truncate_log(state_.log_bytes);
    choose_learners();
    fmt::print(stderr, "resuming {} in epoch {}, step {}\n", folder.path().string(), state_.epoch + 1, state_.step + 1);
  } else {
    folder.truncate_log(0);
    write_file_atomically(split_path, split);
    folder.log({{"event", "start"}, {"architecture", info_.architecture}, {"parameters", count_parameters(*model_)},
                {"train", plan_.train.size()}, {"val", plan_.val.size()}, {"test", plan_.test.size()}});
  }
  catch_stop_signals();
  while (!finished()) {
    const double before = state_.seconds;
    const bool whole = state_.step == 0;
    if (!train_epoch(folder)) {
      fmt::print(stderr, "stopped in epoch {}, step {}; run the same command again to go on\n", state_.epoch + 1, state_.step);
      return Exit::stopped;
    }
    end_epoch(folder, whole ? state_.seconds - before : state_.seconds / double(state_.epoch + 1));
    if (stop_requested()) return Exit::stopped;
  }
  finish(folder);
  return Exit::ok;
}

void Trainer::finish(RunFolder& folder) {
  const bool chosen = config_.train.patience > 0;
  const std::unique_ptr<Classifier> best = chosen ? load_model(folder.best_path()).model : nullptr;
  if (best) move_to(*best, device_from_name(config_.train.device));
  Classifier& chosen_model = best ? *best : result();
  calibrate(info_, chosen_model, batches_, plan_, int(std::min<int64_t>(config_.train.batch, 64)), folder);
  json event{{"event", "test"}, {"epoch", chosen ? state_.best_epoch : state_.epoch}, {"seconds", state_.seconds}};
  const auto test = score(chosen_model, plan_.test, "testing");
  event["heads"] = to_json(test);
  folder.log(event);
  write_held_back(folder.path() / "held_back", plan_, 8);
  save_model(folder.model_path(), info_, chosen_model);
  state_.finished = config_.train.epochs;
  save(folder);
  write_tensorboard(folder.path());
  fmt::print("{}", to_table(test));
  fmt::print(stderr, "trained in {}; model: {}\n", clock_text(state_.seconds), folder.model_path().string());
  write_report({.folder = folder.path(), .config = config_, .plan = plan_, .info = info_, .model = chosen_model, .batches = batches_});
}

// One batch through every stage.
void Trainer::dry_run() {
  const std::vector<Var> losses = forward(batches_.random(std::span(plan_.train).first(std::size_t(config_.train.batch)), 0, 0));
  describe(records(losses));
  descend(losses);
  end_step();
  fmt::print("memory      {} MiB at the peak of one step\n", memory::stats(device_from_name(config_.train.device)).peak >> 20);
}

// The steps of a first epoch, at the finder's rates instead of the schedule's.
std::vector<LrProbe> Trainer::probe_rates() {
  constexpr int64_t kMost = 200, kFewest = 20;
  const int64_t steps = std::min(kMost, steps_per_epoch());
  if (steps < kFewest)
    fail(Exit::usage, fmt::format("--lr-find takes {} steps or more, an epoch has {}; lower train.batch ({})", kFewest, steps, config_.train.batch));
  const auto order = plan_.order(config_, 0);
  Progress progress("trying rates", steps, "steps");
  std::vector<uint32_t> items(static_cast<std::size_t>(step_pictures()));
  return pc::probe_rates(steps, [&](double lr) {
    schedule_ = {.kind = "constant", .peak = float(lr)};
    state_.loss_sums.assign(info_.heads.size(), 0);
    for (std::size_t i = 0; i < items.size(); ++i) items[i] = plan_.train[order[std::size_t(state_.step) * items.size() + i]];
    learn(items);
    progress.update(state_.step);
    double loss = 0;
    for (std::size_t h = 0; h < info_.heads.size(); ++h) loss += double(head_weights_[h]) * state_.loss_sums[h] / double(items.size());
    return loss;
  });
}

void Trainer::describe(const std::vector<Record>& steps) {
  const Preprocess& p = info_.preprocess;
  fmt::print("input       [{}, {}, {}, 3] {} on {}\n", config_.train.batch, p.height, p.width, config_.train.precision, config_.train.device);
  fmt::print("model       {}, {} parameters\n", info_.architecture, count_parameters(*model_));
  model_->visit("", [](const std::string& name, Var& value, Role role) {
    if (role == Role::parameter) fmt::print("  {:<32} {}\n", name, to_string(value.shape()));
  });
  fmt::print("activations of the parts that train\n");
  for (const Record& s : steps)
    fmt::print("  {:<16} {:<20} {:<5} {:8.2f} MiB\n", s.op, to_string(s.shape), name_of(s.dtype),
               double(element_count(s.shape)) * double(size_of(s.dtype)) / (1 << 20));
  for (const Head& head : info_.heads) fmt::print("head        {}: logits [{}, {}]\n", head.name, config_.train.batch, head.labels.size());
  fmt::print("steps       {} epochs of {}\n", config_.train.epochs, steps_per_epoch());
  for (std::size_t h = 0; h < info_.heads.size(); ++h)
    fmt::print("first loss  {}: {:.4f} (ln classes = {:.4f})\n", info_.heads[h].name, state_.loss_sums[h] / double(config_.train.batch),
               std::log(double(info_.heads[h].labels.size())));
}

}  // namespace

Exit train(TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  RunFolder folder(std::filesystem::path(config.output.runs) / config.output.name);
  folder.claim(config.keys());
  if (folder.finished(config.train.epochs)) {
    fmt::print(stderr, "{} is finished: nothing to do\n", folder.path().string());
    return Exit::ok;
  }
  return Trainer(config).run(folder);
}

void find_rate(TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  const RunFolder folder(std::filesystem::path(config.output.runs) / config.output.name);
  report_rates(folder.path(), Trainer(config).probe_rates());
}

void dry_run(TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  Trainer(config).dry_run();
}

}  // namespace pc
