#include "tools/evaluate/calibrate_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/base/logger.h"
#include "tools/evaluate/evaluate.h"
#include "tools/evaluate/fit_calibration.h"
#include "tools/evaluate/learn_hierarchy.h"

namespace pc::evaluate {
namespace {

using nlohmann::json;

// A share of nothing is null, never 0.
json share(int64_t part, int64_t whole) { return whole ? json(double(part) / double(whole)) : json(); }

// Of the labeled pictures: how many had a confident name, and how many of those were correct.
struct Coverage {
  int64_t n = 0, confident = 0, correct = 0;
};

Coverage coverage(const std::vector<std::vector<predict::Named>>& named, const LabeledLogits& answered,
                  std::size_t head) {
  Coverage c;
  for (std::size_t i = 0; i < named.size(); ++i) {
    const predict::Named& one = named[i][head];
    if (answered.labels[i][head] < 0) continue;
    ++c.n;
    c.confident += one.confident;
    c.correct += one.confident && one.label == answered.labels[i][head];
  }
  return c;
}

json to_json(const Reliability& r) {
  const auto mean = [&](double value) { return r.n ? json(value) : json(); };
  return {{"ece", mean(r.ece)}, {"nll", mean(r.nll)}, {"brier", mean(r.brier)}, {"n", r.n}};
}

json before_and_after(const Evidence& evidence, double temperature) {
  return {{"before", to_json(reliability(evidence, 1))}, {"after", to_json(reliability(evidence, temperature))}};
}

json head_report(const ModelInfo& info, const LabeledLogits& val, const LabeledLogits& test, std::size_t h) {
  const double t = info.calibration->heads[h].temperature;
  return {{"temperature", t},
          {"val", before_and_after(evidence_of(val, h), t)},
          {"test", before_and_after(evidence_of(test, h), t)}};
}

// How many pictures of `answered` get which verdict.
json count_verdicts(const ModelInfo& info, const LabeledLogits& answered,
                    const std::vector<std::vector<predict::Named>>& named) {
  json counts{{"n", answered.logits.size()}};
  for (const predict::Verdict verdict :
       {predict::Verdict::accepted, predict::Verdict::review, predict::Verdict::out_of_distribution}) {
    int64_t n = 0;
    for (std::size_t i = 0; i < named.size(); ++i)
      n += predict::verdict_of(info, answered.logits[i], named[i]) == verdict;
    counts[predict::text_of(verdict)] = n;
  }
  return counts;
}

json report(const ModelInfo& info, const LabeledLogits& val, const LabeledLogits& test) {
  json event{{"event", "calibration"}, {"heads", json::object()}};
  for (std::size_t h = 0; h < info.heads.size(); ++h)
    event["heads"][info.heads[h].name] = head_report(info, val, test, h);
  for (const int percent : kPrecisions) {
    const auto named = name_all(info, test, percent);
    event["verdicts"][std::to_string(percent)] = count_verdicts(info, test, named);
    for (std::size_t h = 0; h < info.heads.size(); ++h) {
      const Coverage c = coverage(named, test, h);
      event["heads"][info.heads[h].name]["test"]["sure"][std::to_string(percent)] = {
          {"share", share(c.confident, c.n)}, {"precision", share(c.correct, c.confident)}};
    }
  }
  if (const auto& rule = info.calibration->novelty)
    event["novelty"] = {{"head", info.heads[rule->head].name}, {"limit", rule->limit}};
  return event;
}

// "auto-accept at 95 % precision: kind 99.9 %, usage none of the test images".
std::string auto_accept_line(const json& event, const ModelInfo& info) {
  const std::string percent = std::to_string(predict::precision_of(info, std::nullopt));
  std::string text;
  for (const Head& head : info.heads) {
    const json& share = event["heads"][head.name]["test"]["sure"][percent]["share"];
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", head.name,
                        share.is_null() || share == 0 ? "none" : fmt::format("{:.1f} %", 100 * share.get<double>()));
  }
  return fmt::format("auto-accept at {} % precision: {} of the test images", percent, text);
}

}  // namespace

std::string calibrate_run(ModelInfo& info, Classifier& model, const runs::BatchMaker& batches,
                          const runs::DataPlan& plan, int batch, const LabeledLogits& test, runs::RunFolder& folder) {
  info.hierarchy = learn_hierarchy(plan.catalog, plan.train);
  if (plan.val.empty()) {
    warn("no validation images: the probabilities stay as the network gives them, and none is reported as confident");
    return "";
  }
  const LabeledLogits val = collect_logits(model, batches, plan.val, batch, "calibrating");
  info.calibration.reset();
  fit_calibration(info, val);
  const json event = report(info, val, test);
  folder.log(event);
  return plan.test.empty() ? "" : auto_accept_line(event, info);
}

}  // namespace pc::evaluate
