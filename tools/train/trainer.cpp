#include "tools/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "kernels/base/parallel.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop.h"
#include "tools/evaluate/calibrate_run.h"
#include "tools/evaluate/evaluate.h"
#include "tools/report/report.h"
#include "tools/runs/split_file.h"
#include "tools/train/held_back.h"
#include "tools/train/learner.h"
#include "tools/train/lr_find.h"
#include "tools/train/start.h"
#include "tools/train/tensorboard.h"
#include "tools/weights/read_model.h"

namespace pc::train {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Trainer {
 public:
  explicit Trainer(runs::TrainConfig& config);
  Exit run(runs::RunFolder& folder);
  void dry_run();
  std::vector<LrProbe> probe_rates();

 private:
  bool train_epoch(runs::RunFolder& folder);
  void end_epoch(runs::RunFolder& folder, double seconds);
  void keep_best(runs::RunFolder& folder, const std::vector<evaluate::HeadScore>& val);
  bool finished() const;
  void finish(runs::RunFolder& folder);
  std::vector<report::TestedHead> test(Classifier& model, runs::RunFolder& folder);
  void describe(const std::vector<Var>& losses);
  void save(runs::RunFolder& folder);
  std::vector<evaluate::HeadScore> validate();
  json train_scores() const;

  runs::TrainConfig& config_;
  runs::DataPlan plan_;
  ModelInfo info_;
  Learner learner_;
  runs::TrainState& state_;
};

Trainer::Trainer(runs::TrainConfig& config)
    : config_(config),
      plan_(runs::plan_data(config)),
      info_(model_info(config, plan_)),
      learner_(config, plan_, info_),
      state_(learner_.state()) {}

json Trainer::train_scores() const {
  json scores = json::object();
  const auto pictures =
      double(std::clamp<int64_t>(state_.step * learner_.step_pictures(), 1, learner_.epoch_pictures()));
  for (std::size_t h = 0; h < info_.heads.size(); ++h)
    scores[info_.heads[h].name] = {{"loss", state_.loss_sums[h] / pictures},
                                   {"accuracy", double(state_.hits[h]) / double(std::max<int64_t>(1, state_.seen[h]))}};
  return scores;
}

// One epoch, or what is left of it. False when a signal stopped it.
bool Trainer::train_epoch(runs::RunFolder& folder) {
  const auto order = plan_.order(config_, uint64_t(state_.epoch));
  const int64_t pictures = learner_.step_pictures(), steps = learner_.steps_per_epoch(),
                all = learner_.epoch_pictures();
  cli::Progress progress(fmt::format("epoch {}/{}", state_.epoch + 1, config_.train.epochs), all);
  std::vector<uint32_t> items;
  while (state_.step < steps) {
    const auto start = Clock::now();
    items.clear();
    for (int64_t i = state_.step * pictures; i < std::min(all, (state_.step + 1) * pictures); ++i)
      items.push_back(plan_.train[order[std::size_t(i)]]);
    const bool news = learner_.learn(items);
    state_.seconds += seconds_since(start);
    const int64_t done = std::min(all, state_.step * pictures);
    const auto total = double(done - learner_.missing_pictures());
    if (news)
      progress.update(done, fmt::format("loss {:.3f} accuracy {:.3f}", state_.loss_sums.back() / total,
                                        double(state_.hits.back()) / double(std::max<int64_t>(1, state_.seen.back()))));
    if (cli::stop_requested()) return save(folder), false;
    if (config_.train.save_every > 0 && state_.total_steps % config_.train.save_every == 0 && state_.step < steps)
      save(folder);
  }
  return true;
}

std::vector<evaluate::HeadScore> Trainer::validate() {
  if (plan_.val.empty()) return {};
  cli::Progress progress("validating", int64_t(plan_.val.size()));
  return evaluate::evaluate(learner_.result(), info_.head_shapes(), learner_.batches(), plan_.val,
                            config_.scoring_batch(), [&](int64_t done) { progress.update(done); });
}

void Trainer::end_epoch(runs::RunFolder& folder, double seconds) {
  const double rate = double(learner_.epoch_pictures()) / seconds;
  json event{{"event", "epoch"},        {"epoch", state_.epoch + 1}, {"lr", learner_.rate_at(state_.total_steps - 1)},
             {"train", train_scores()}, {"seconds", seconds},        {"img_per_s", rate}};
  std::string line = fmt::format("epoch {}/{}: {:.0f} img/s", state_.epoch + 1, config_.train.epochs, rate);
  const std::vector<evaluate::HeadScore> val = validate();
  if (!val.empty()) event["val"] = to_json(val);
  for (std::size_t h = 0; h < info_.heads.size(); ++h) {
    const json& t = event["train"][info_.heads[h].name];
    line += fmt::format(" | {} loss {:.3f} accuracy {:.3f}", info_.heads[h].name, t["loss"].get<double>(),
                        t["accuracy"].get<double>());
    if (!val.empty()) line += fmt::format(", val {:.4f} (majority {:.4f})", val[h].accuracy(), val[h].majority());
  }
  note_line(line);
  folder.log(event);
  keep_best(folder, val);
  ++state_.epoch;
  learner_.begin_epoch();
  save(folder);
  write_tensorboard(folder.path());
}

// With patience, the weights of the epoch with the best mean validation accuracy are the result.
void Trainer::keep_best(runs::RunFolder& folder, const std::vector<evaluate::HeadScore>& val) {
  if (config_.train.patience == 0) return;
  double accuracy = 0;
  for (const evaluate::HeadScore& s : val) accuracy += s.accuracy() / double(val.size());
  if (accuracy <= state_.best) return;
  state_.best = accuracy;
  state_.best_epoch = state_.epoch + 1;
  save_model(folder.best_path(), info_, learner_.result());
}

bool Trainer::finished() const {
  const auto& train = config_.train;
  if (train.patience > 0 && state_.epoch - state_.best_epoch >= train.patience) return true;
  if (train.max_minutes > 0 && state_.seconds >= 60 * train.max_minutes) return true;
  return state_.epoch >= train.epochs;
}

void Trainer::save(runs::RunFolder& folder) {
  learner_.collect();
  state_.log_bytes = folder.log_bytes();
  runs::save_checkpoint(folder, learner_.model(), learner_.average(), learner_.optimizer(), state_);
  learner_.save_engines();
}

Exit Trainer::run(runs::RunFolder& folder) {
  const auto split_path = folder.path() / "split.csv";
  const std::string split = runs::split_csv(plan_.catalog, plan_.split, plan_.groups);
  if (const auto state = runs::load_checkpoint(folder, learner_.model(), learner_.average(), learner_.optimizer(),
                                               info_.heads.size())) {
    runs::check_split(split_path, split);
    state_ = *state;
    folder.truncate_log(state_.log_bytes);
    learner_.choose_parts();
    note("resuming {} in epoch {}, step {}", folder.path().string(), state_.epoch + 1, state_.step + 1);
  } else {
    folder.truncate_log(0);
    write_file_atomically(split_path, split);
    folder.log({{"event", "start"},
                {"architecture", info_.architecture},
                {"parameters", count_parameters(learner_.model())},
                {"train", plan_.train.size()},
                {"val", plan_.val.size()},
                {"test", plan_.test.size()}});
  }
  cli::catch_stop_signals();
  while (!finished()) {
    const double before = state_.seconds;
    const bool whole = state_.step == 0;
    if (!train_epoch(folder)) {
      note("stopped in epoch {}, step {}; run the same command again to go on", state_.epoch + 1, state_.step);
      return Exit::stopped;
    }
    end_epoch(folder, whole ? state_.seconds - before : state_.seconds / double(state_.epoch + 1));
    if (cli::stop_requested()) return Exit::stopped;
  }
  finish(folder);
  return Exit::ok;
}

// The one look at the test pictures: what the calibration is worth there, the scores and the report come from it.
std::vector<report::TestedHead> Trainer::test(Classifier& model, runs::RunFolder& folder) {
  const int batch = config_.scoring_batch();
  const evaluate::LabeledLogits answered =
      evaluate::collect_logits(model, learner_.batches(), plan_.test, batch, "testing");
  evaluate::calibrate_run(info_, model, learner_.batches(), plan_, batch, answered, folder);
  return report::test_pass(info_, answered, plan_.test);
}

void Trainer::finish(runs::RunFolder& folder) {
  const bool chosen = config_.train.patience > 0;
  const std::unique_ptr<Classifier> best = chosen ? weights::read_model(folder.best_path()).model : nullptr;
  if (best) move_to(*best, device_from_name(config_.train.device));
  Classifier& chosen_model = best ? *best : learner_.result();
  std::vector<report::TestedHead> tested = test(chosen_model, folder);
  std::vector<evaluate::HeadScore> scores;
  for (const report::TestedHead& head : tested) scores.push_back(head.score);
  json event{{"event", "test"}, {"epoch", chosen ? state_.best_epoch : state_.epoch}, {"seconds", state_.seconds}};
  event["heads"] = to_json(scores);
  folder.log(event);
  write_held_back(folder.path() / "held_back", plan_, 8);
  save_model(folder.model_path(), info_, chosen_model);
  state_.finished = config_.train.epochs;
  save(folder);
  write_tensorboard(folder.path());
  fmt::print("{}", evaluate::to_table(scores));
  note("trained in {}; model: {}", cli::clock_text(state_.seconds), folder.model_path().string());
  report::write_report({.folder = folder.path(),
                        .config = config_,
                        .plan = plan_,
                        .info = info_,
                        .model = chosen_model,
                        .batches = learner_.batches()},
                       std::move(tested));
}

// One step.
void Trainer::dry_run() {
  const auto items = std::span(plan_.train);
  learner_.learn(items.first(std::size_t(learner_.step_pictures())),
                 [this](const std::vector<Var>& losses) { describe(losses); });
  fmt::print("memory      {} MiB at the peak of one step\n",
             memory::stats(device_from_name(config_.train.device)).peak >> 20);
}

// The steps of a first epoch, at the finder's rates instead of the schedule's.
std::vector<LrProbe> Trainer::probe_rates() {
  constexpr int64_t kMost = 200, kFewest = 20;
  const int64_t steps = std::min(kMost, learner_.epoch_pictures() / learner_.step_pictures());
  if (steps < kFewest)
    fail(Exit::usage, fmt::format("--lr-find takes {} steps or more, an epoch has {}; lower train.batch ({})", kFewest,
                                  steps, config_.train.batch));
  const auto order = plan_.order(config_, 0);
  const std::vector<float> weights = config_.head_weights();
  cli::Progress progress("trying rates", steps, "steps");
  std::vector<uint32_t> items(static_cast<std::size_t>(learner_.step_pictures()));
  return train::probe_rates(steps, [&](double lr) {
    learner_.set_rate(float(lr));
    for (std::size_t i = 0; i < items.size(); ++i)
      items[i] = plan_.train[order[std::size_t(state_.step) * items.size() + i]];
    state_.loss_sums.assign(info_.heads.size(), 0);
    learner_.learn(items);
    learner_.collect();
    progress.update(state_.step);
    double loss = 0;
    for (std::size_t h = 0; h < weights.size(); ++h)
      loss += double(weights[h]) * state_.loss_sums[h] / double(items.size());
    return loss;
  });
}

void Trainer::describe(const std::vector<Var>& losses) {
  const Preprocess& p = info_.preprocess;
  fmt::print("input       [{}, {}, {}, 3] {} on {}\n", config_.train.batch, p.height, p.width, config_.train.precision,
             config_.train.device);
  fmt::print("model       {}, {} parameters\n", info_.architecture, count_parameters(learner_.model()));
  learner_.model().visit("", [](const std::string& name, Var& value, Role role) {
    if (role == Role::parameter) fmt::print("  {:<32} {}\n", name, to_string(value.shape()));
  });
  fmt::print("activations of the parts that train\n");
  for (const Record& s : records(losses))
    fmt::print("  {:<16} {:<20} {:<5} {:8.2f} MiB\n", s.op, to_string(s.shape), name_of(s.dtype),
               double(element_count(s.shape)) * double(size_of(s.dtype)) / (1 << 20));
  for (const Head& head : info_.heads)
    fmt::print("head        {}: logits [{}, {}]\n", head.name, config_.train.batch, head.labels.size());
  fmt::print("steps       {} epochs of {}\n", config_.train.epochs, learner_.steps_per_epoch());
  for (std::size_t h = 0; h < info_.heads.size(); ++h)
    fmt::print("first loss  {}: {:.4f} (ln classes = {:.4f})\n", info_.heads[h].name, losses[h].value().item(),
               std::log(double(info_.heads[h].labels.size())));
}

}  // namespace

Exit train(runs::TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  runs::RunFolder folder(std::filesystem::path(config.output.runs) / config.output.name);
  folder.claim(config.keys());
  if (folder.finished(config.train.epochs)) {
    note("{} is finished: nothing to do", folder.path().string());
    return Exit::ok;
  }
  return Trainer(config).run(folder);
}

void find_rate(runs::TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  const runs::RunFolder folder(std::filesystem::path(config.output.runs) / config.output.name);
  report_rates(folder.path(), Trainer(config).probe_rates());
}

void dry_run(runs::TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  Trainer(config).dry_run();
}

}  // namespace pc::train
