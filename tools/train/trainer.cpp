#include "tools/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "kernels/base/file.h"
#include "kernels/base/logger.h"
#include "kernels/base/math.h"
#include "kernels/base/parallel.h"
#include "tools/cli/progress.h"
#include "tools/cli/stop.h"
#include "tools/evaluate/calibrate_run.h"
#include "tools/evaluate/evaluate.h"
#include "tools/report/report.h"
#include "tools/runs/auto_config.h"
#include "tools/runs/split_file.h"
#include "tools/train/dry_run.h"
#include "tools/train/held_back.h"
#include "tools/train/learner.h"
#include "tools/train/lr_find.h"
#include "tools/train/messages.h"
#include "tools/train/start.h"
#include "tools/train/tensorboard.h"
#include "tools/weights/read_model.h"

namespace pc::train {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// What is refused before any data is read. Returns what to tell of the weights when the data has been accepted.
std::string prepare(runs::TrainConfig& config) {
  set_thread_count(int(config.train.threads));
  config.device();
  std::string text = runs::choose_weights(config);
  check_weights(config);
  return text;
}

class Trainer {
 public:
  explicit Trainer(runs::TrainConfig& config);
  Exit run(runs::RunFolder& folder);
  void dry_run();
  std::vector<LrProbe> probe_rates();

 private:
  bool train_epoch(runs::RunFolder& folder);
  void log_step(runs::RunFolder& folder);
  void end_epoch(runs::RunFolder& folder, double seconds);
  void keep_best(runs::RunFolder& folder, const std::vector<evaluate::HeadScore>& val);
  bool trained() const;
  void resume(runs::RunFolder& folder, const runs::TrainState& state);
  void begin(runs::RunFolder& folder);
  Exit stopped() const;
  void finish(runs::RunFolder& folder);
  void conclude(const runs::RunFolder& folder, const std::vector<evaluate::HeadScore>& scores,
                const std::string& auto_accept, const std::vector<std::string>& warnings) const;
  struct Tested {
    std::vector<report::TestedHead> heads;
    std::string auto_accept;  // a line for people
  };
  Tested test(Classifier& model, runs::RunFolder& folder);
  void save(runs::RunFolder& folder);
  void saving(const std::function<void()>& save) const;
  std::vector<evaluate::HeadScore> validate(Classifier& model);
  json train_scores() const;
  json progress_event(const char* kind) const;
  double seconds_left() const;
  std::string split_text() const { return runs::split_csv(plan_.catalog, plan_.split, plan_.groups); }

  runs::TrainConfig& config_;
  std::string weights_note_;
  runs::DataPlan plan_;
  ModelInfo info_;
  Learner learner_;
  runs::TrainState& state_;
};

Trainer::Trainer(runs::TrainConfig& config)
    : config_(config),
      weights_note_(prepare(config)),
      plan_(runs::plan_data(config)),
      info_(model_info(config, plan_)),
      learner_(config, plan_, info_),
      state_(learner_.state()) {
  if (!weights_note_.empty()) note("{}", weights_note_);
}

json Trainer::train_scores() const {
  json scores = json::object();
  const int64_t pictures = std::clamp<int64_t>(state_.step * learner_.step_pictures(), 1, learner_.epoch_pictures());
  for (std::size_t h = 0; h < info_.heads.size(); ++h)
    scores[info_.heads[h].name] = {{"loss", state_.loss_sums[h] / double(pictures)},
                                   {"accuracy", double(state_.hits[h]) / double(std::max<int64_t>(1, state_.seen[h]))},
                                   {"images", pictures},
                                   {"labeled", state_.seen[h]}};
  return scores;
}

// Where the run stands, as an event of its log.
json Trainer::progress_event(const char* kind) const {
  return {{"event", kind},
          {"epoch", state_.epoch + 1},
          {"step", state_.total_steps},
          {"lr", learner_.rate_at(state_.total_steps - 1)},
          {"train", train_scores()},
          {"trained_seconds", state_.seconds}};
}

// A few points of an epoch for the learning curves; its last is the epoch's own event.
void Trainer::log_step(runs::RunFolder& folder) {
  constexpr int64_t kPoints = 20;
  const int64_t steps = learner_.steps_per_epoch();
  if (state_.step == steps || state_.step % ceil_div(steps, kPoints) != 0) return;
  learner_.collect();
  folder.log(progress_event("step"));
}

// Of training, at the pace so far.
double Trainer::seconds_left() const {
  const int64_t all = config_.train.epochs * learner_.steps_per_epoch();
  return state_.seconds / double(std::max<int64_t>(1, state_.total_steps)) * double(all - state_.total_steps);
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
    if (state_.total_steps == 1) begin(folder);
    log_step(folder);
    const int64_t done = std::min(all, state_.step * pictures);
    const auto total = double(done - learner_.missing_pictures());
    if (news)
      progress.update(done, fmt::format("loss {:.3f} accuracy {:.3f}, run {}", state_.loss_sums.back() / total,
                                        double(state_.hits.back()) / double(std::max<int64_t>(1, state_.seen.back())),
                                        cli::clock_text(seconds_left())));
    if (cli::stop_requested()) return save(folder), false;
    if (config_.train.save_every > 0 && state_.total_steps % config_.train.save_every == 0 && state_.step < steps)
      save(folder);
  }
  return true;
}

std::vector<evaluate::HeadScore> Trainer::validate(Classifier& model) {
  if (plan_.val.empty()) return {};
  cli::Progress progress("validating", int64_t(plan_.val.size()));
  return evaluate::evaluate(model, info_.head_shapes(), learner_.batches(), plan_.val, config_.scoring_batch(),
                            [&](int64_t done) { progress.update(done); });
}

void Trainer::end_epoch(runs::RunFolder& folder, double seconds) {
  const double rate = double(learner_.epoch_pictures()) / seconds;
  json event = progress_event("epoch");
  event["seconds"] = seconds;
  event["img_per_s"] = rate;
  const std::vector<evaluate::HeadScore> val = validate(learner_.result());
  if (!val.empty()) event["val"] = to_json(val);
  for (const std::string& line : epoch_lines(event, info_, config_.train.epochs, seconds_left(), val)) note_line(line);
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
  saving([&] { save_model(folder.best_path(), info_, learner_.result()); });
}

// Whether no epoch is left to train.
bool Trainer::trained() const {
  const auto& train = config_.train;
  if (train.patience > 0 && state_.epoch - state_.best_epoch >= train.patience) return true;
  if (train.max_minutes > 0 && state_.seconds >= 60 * train.max_minutes) return true;
  return state_.epoch >= train.epochs;
}

// Weights that are not finite are never saved; the message gets the step and the way out.
void Trainer::saving(const std::function<void()>& save) const {
  try {
    save();
  } catch (const Error& error) {
    if (error.code() != Exit::numeric) throw;
    fail(Exit::numeric, fmt::format("step {} (epoch {}): {}; lower train.lr ({}) or set train.clip", state_.total_steps,
                                    state_.epoch + 1, error.what(), config_.train.lr));
  }
}

void Trainer::save(runs::RunFolder& folder) {
  learner_.collect();
  state_.log_bytes = folder.log_bytes();
  saving([&] { runs::save_checkpoint(folder, learner_.model(), learner_.average(), learner_.optimizer(), state_); });
  learner_.save_engines();
}

// Takes up a run that was interrupted, or whose results are not all there.
void Trainer::resume(runs::RunFolder& folder, const runs::TrainState& state) {
  runs::check_split(folder.path() / "split.csv", split_text());
  state_ = state;
  folder.truncate_log(state_.finished == config_.train.epochs ? state_.trained_log_bytes : state_.log_bytes);
  folder.write_config(config_.keys());
  learner_.choose_parts();
  if (trained())
    note("{} is trained; writing the results", folder.path().string());
  else
    note("resuming {} in epoch {}, step {}", folder.path().string(), state_.epoch + 1, state_.step + 1);
}

// After the first step: what is refused before leaves nothing.
void Trainer::begin(runs::RunFolder& folder) {
  folder.truncate_log(0);
  folder.write_config(config_.keys());
  write_file_atomically(folder.path() / "split.csv", split_text());
  folder.log({{"event", "start"},
              {"architecture", info_.architecture},
              {"parameters", count_parameters(learner_.model())},
              {"train", plan_.train.size()},
              {"val", plan_.val.size()},
              {"test", plan_.test.size()}});
}

Exit Trainer::run(runs::RunFolder& folder) {
  if (const auto state =
          runs::load_checkpoint(folder, learner_.model(), learner_.average(), learner_.optimizer(), info_.heads.size()))
    resume(folder, *state);
  cli::catch_stop_signals();
  while (!trained()) {
    const double before = state_.seconds;
    const bool whole = state_.step == 0;
    if (!train_epoch(folder)) return stopped();
    end_epoch(folder, whole ? state_.seconds - before : state_.seconds / double(state_.epoch + 1));
    if (cli::stop_requested()) return stopped();
  }
  finish(folder);
  return Exit::ok;
}

Exit Trainer::stopped() const {
  warn("stopped in epoch {}, step {}; run the same command again to resume", state_.epoch + 1, state_.step);
  return Exit::stopped;
}

// The one look at the test pictures: what the calibration is worth there, the scores and the report come from it.
Trainer::Tested Trainer::test(Classifier& model, runs::RunFolder& folder) {
  const int batch = config_.scoring_batch();
  const evaluate::LabeledLogits answered =
      evaluate::collect_logits(model, learner_.batches(), plan_.test, batch, "testing");
  std::string auto_accept = evaluate::calibrate_run(info_, model, learner_.batches(), plan_, batch, answered, folder);
  return {.heads = report::test_pass(info_, answered, plan_.test), .auto_accept = std::move(auto_accept)};
}

// A run is finished when all its results are written: the checkpoint says so last. A run that was killed before does it
// all again, to the same bytes.
void Trainer::finish(runs::RunFolder& folder) {
  state_.trained_log_bytes = folder.log_bytes();
  const bool chosen = config_.train.patience > 0;
  const std::unique_ptr<Classifier> best = chosen ? weights::read_model(folder.best_path()).model : nullptr;
  if (best) move_to(*best, config_.device());
  Classifier& model = best ? *best : learner_.result();
  Tested tested = test(model, folder);
  std::vector<evaluate::HeadScore> scores;
  for (const report::TestedHead& head : tested.heads) scores.push_back(head.score);
  const int64_t epoch = chosen ? state_.best_epoch : state_.epoch;
  json event{
      {"event", "test"}, {"epoch", epoch}, {"step", epoch * learner_.steps_per_epoch()}, {"seconds", state_.seconds}};
  event["heads"] = to_json(scores);
  const std::vector<std::string> warnings = nothing_learned(info_, plan_.test.empty() ? validate(model) : scores);
  if (!warnings.empty()) event["warnings"] = warnings;
  folder.log(event);
  saving([&] { save_model(folder.model_path(), info_, model); });
  write_held_back(folder.path() / "held_back", plan_, 8);
  write_tensorboard(folder.path());
  report::write_report({.folder = folder.path(),
                        .config = config_,
                        .plan = plan_,
                        .info = info_,
                        .model = model,
                        .batches = learner_.batches()},
                       std::move(tested.heads));
  state_.finished = config_.train.epochs;
  save(folder);
  conclude(folder, scores, tested.auto_accept, warnings);
}

// The table on stdout; for people what it means, and what to do next.
void Trainer::conclude(const runs::RunFolder& folder, const std::vector<evaluate::HeadScore>& scores,
                       const std::string& auto_accept, const std::vector<std::string>& warnings) const {
  fmt::print("{}", evaluate::to_table(scores));
  std::fflush(stdout);  // before what follows on stderr, where both go to one file
  note_line(accuracy_line(scores) + fmt::format(", trained in {}", cli::clock_text(state_.seconds)));
  if (!auto_accept.empty()) note_line(auto_accept);
  for (const std::string& warning : warnings) warn_line(warning);
  if (warnings.empty())
    note("next: pcpredict -m {} IMAGE", folder.model_path().string());
  else
    warn("what may help: {}another --lr (--lr-find suggests one), more --epochs, labels that fit the images",
         config_.model.weights.empty() ? "starting weights (" + fetch_advice(info_.architecture) + "), " : "");
}

// One step.
void Trainer::dry_run() {
  const auto items = std::span(plan_.train);
  learner_.learn(items.first(std::size_t(learner_.step_pictures())),
                 [this](const std::vector<Var>& losses) { describe(config_, info_, learner_, losses); });
  fmt::print("memory      {} MiB at the peak of one step\n", memory::stats(config_.device()).peak >> 20);
}

// The first steps of a run, over as many epochs as that takes, at the finder's rates instead of the schedule's.
std::vector<LrProbe> Trainer::probe_rates() {
  constexpr int64_t kSteps = 200;
  const int64_t per_epoch = learner_.epoch_pictures() / learner_.step_pictures();
  const std::vector<float> weights = config_.head_weights();
  cli::Progress progress("trying rates", kSteps, "steps");
  std::vector<uint32_t> order, items(static_cast<std::size_t>(learner_.step_pictures()));
  return train::probe_rates(kSteps, [&](double lr) {
    learner_.set_rate(float(lr));
    const int64_t step = state_.step % per_epoch;
    if (step == 0) order = plan_.order(config_, uint64_t(state_.step / per_epoch));
    for (std::size_t i = 0; i < items.size(); ++i) items[i] = plan_.train[order[std::size_t(step) * items.size() + i]];
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

}  // namespace

Exit train(runs::TrainConfig& config) {
  runs::RunFolder folder(std::filesystem::path(config.output.runs) / config.output.name);
  folder.match_config(config.keys());
  if (folder.finished(config.train.epochs)) {
    note("{} is finished: nothing to do", folder.path().string());
    return Exit::ok;
  }
  return Trainer(config).run(folder);
}

void find_rate(runs::TrainConfig& config) {
  const runs::RunFolder folder(std::filesystem::path(config.output.runs) / config.output.name);
  const std::vector<LrProbe> probes = Trainer(config).probe_rates();  // chooses what is auto
  report_rates(folder.path(), config.train.lr, probes);
}

void dry_run(runs::TrainConfig& config) { Trainer(config).dry_run(); }

}  // namespace pc::train
