#include "tools/train/calibrate.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/cli/progress.h"
#include "tools/predict/verdict.h"
#include "tools/train/calibration_fit.h"
#include "tools/train/evaluate.h"
#include "tools/train/learn_hierarchy.h"

namespace pc {
namespace {

using nlohmann::json;
using Logits = std::vector<std::vector<float>>;  // of one picture: a row per head

constexpr int kPercents[] = {90, 95, 99};
constexpr double kStrange = 0.01;  // of the validation pictures are called no product

// Pictures that the network did not train on, and what it says of them.
struct Answered {
  std::vector<Logits> logits;                // per picture
  std::vector<std::vector<int32_t>> labels;  // per picture and head; -1: none
};

Answered answer(Classifier& model, const BatchMaker& batches, const std::vector<uint32_t>& items, int batch,
                const char* what) {
  Progress progress(what, int64_t(items.size()));
  Answered all{.logits = std::vector<Logits>(items.size()), .labels = {}};
  for_logits(
      model, batches, items, batch,
      [&](std::size_t place, std::size_t, std::span<const float> logits) {
        all.logits[place].emplace_back(logits.begin(), logits.end());
      },
      [&](int64_t done) { progress.update(done); });
  for (const uint32_t item : items) {
    all.labels.emplace_back();
    for (std::size_t h = 0; h < batches.heads(); ++h) all.labels.back().push_back(batches.label(item, h));
  }
  return all;
}

Evidence evidence_of(const Answered& answered, std::size_t head) {
  Evidence evidence;
  for (std::size_t i = 0; i < answered.logits.size(); ++i) {
    if (answered.labels[i][head] < 0) continue;
    evidence.logits.push_back(answered.logits[i][head]);
    evidence.labels.push_back(answered.labels[i][head]);
  }
  return evidence;
}

// What the model names, per picture and head.
std::vector<std::vector<Named>> name_all(const ModelInfo& info, const Answered& answered, int percent) {
  std::vector<std::vector<Named>> all;
  for (const Logits& logits : answered.logits) all.push_back(named_labels(info, logits, percent));
  return all;
}

void set_thresholds(ModelInfo& info, const Answered& val) {
  const auto named = name_all(info, val, 0);
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    std::vector<Vote> votes;
    for (std::size_t i = 0; i < named.size(); ++i)
      if (const Named& one = named[i][h]; val.labels[i][h] >= 0 && one.label >= 0)
        votes.push_back({.label = one.label, .p = one.p, .right = one.label == val.labels[i][h]});
    for (const int percent : kPercents)
      info.calibration->heads[h].thresholds.push_back(
          {.percent = percent, .of_label = label_thresholds(votes, int(info.heads[h].labels.size()), percent)});
  }
}

// The head with most labels knows most of what a product looks like. A quantile of few pictures says nothing.
std::optional<NoveltyRule> novelty_rule(const ModelInfo& info, const Answered& val) {
  if (double(val.logits.size()) * kStrange < 1) return std::nullopt;
  const auto finest = std::max_element(info.heads.begin(), info.heads.end(),
                                       [](const Head& a, const Head& b) { return a.labels.size() < b.labels.size(); });
  NoveltyRule rule{.head = std::size_t(finest - info.heads.begin())};
  std::vector<std::vector<float>> of_head;
  for (const Logits& logits : val.logits) of_head.push_back(logits[rule.head]);
  rule.directions = mean_directions(of_head);
  std::vector<double> scores;
  for (const Logits& logits : val.logits) scores.push_back(novelty(rule, logits));
  rule.limit = upper_quantile(std::move(scores), kStrange);
  return rule;
}

void fit(ModelInfo& info, const Answered& val) {
  info.calibration.emplace();
  for (std::size_t h = 0; h < info.heads.size(); ++h)
    info.calibration->heads.push_back({.temperature = fit_temperature(evidence_of(val, h)), .thresholds = {}});
  set_thresholds(info, val);
  info.calibration->novelty = novelty_rule(info, val);
}

// Of the labelled pictures: how many had a sure name, and how many of those were right.
struct Coverage {
  int64_t n = 0, sure = 0, right = 0;
  double share() const { return n ? double(sure) / double(n) : 0; }
  double precision() const { return sure ? double(right) / double(sure) : 0; }
};

Coverage coverage(const std::vector<std::vector<Named>>& named, const Answered& answered, std::size_t head) {
  Coverage c;
  for (std::size_t i = 0; i < named.size(); ++i) {
    const Named& one = named[i][head];
    if (answered.labels[i][head] < 0) continue;
    ++c.n;
    c.sure += one.sure;
    c.right += one.sure && one.label == answered.labels[i][head];
  }
  return c;
}

json to_json(const Reliability& r) { return {{"ece", r.ece}, {"nll", r.nll}, {"brier", r.brier}, {"n", r.n}}; }

json before_and_after(const Evidence& evidence, double temperature) {
  return {{"before", to_json(reliability(evidence, 1))}, {"after", to_json(reliability(evidence, temperature))}};
}

json head_report(const ModelInfo& info, const Answered& val, const Answered& test, std::size_t h) {
  const double t = info.calibration->heads[h].temperature;
  return {{"temperature", t},
          {"val", before_and_after(evidence_of(val, h), t)},
          {"test", before_and_after(evidence_of(test, h), t)}};
}

// How many pictures of `answered` get which verdict.
json count_verdicts(const ModelInfo& info, const Answered& answered, const std::vector<std::vector<Named>>& named) {
  json counts{{"n", answered.logits.size()}};
  for (const Verdict verdict : {Verdict::accepted, Verdict::review, Verdict::not_product}) {
    int64_t n = 0;
    for (std::size_t i = 0; i < named.size(); ++i) n += verdict_of(info, answered.logits[i], named[i]) == verdict;
    counts[text_of(verdict)] = n;
  }
  return counts;
}

json report(const ModelInfo& info, const Answered& val, const Answered& test) {
  json event{{"event", "calibration"}, {"heads", json::object()}};
  for (std::size_t h = 0; h < info.heads.size(); ++h)
    event["heads"][info.heads[h].name] = head_report(info, val, test, h);
  for (const int percent : kPercents) {
    const auto named = name_all(info, test, percent);
    event["verdicts"][std::to_string(percent)] = count_verdicts(info, test, named);
    for (std::size_t h = 0; h < info.heads.size(); ++h) {
      const Coverage c = coverage(named, test, h);
      event["heads"][info.heads[h].name]["test"]["sure"][std::to_string(percent)] = {{"share", c.share()},
                                                                                     {"precision", c.precision()}};
    }
  }
  if (const auto& rule = info.calibration->novelty)
    event["novelty"] = {{"head", info.heads[rule->head].name}, {"limit", rule->limit}};
  return event;
}

void print(const json& event, const ModelInfo& info) {
  fmt::print(stderr, "{:<16} {:>6}  {:<17} {:<17} {:<17}\n", "calibration", "T", "ECE before, after", "NLL",
             "Brier (test)");
  for (const Head& head : info.heads) {
    const json &h = event["heads"][head.name], &a = h["test"]["before"], &b = h["test"]["after"];
    std::string line = fmt::format("{:<16} {:>6.3f} ", head.name, h["temperature"].get<double>());
    for (const char* key : {"ece", "nll", "brier"})
      line += fmt::format(" {:.4f}  {:.4f}   ", a[key].get<double>(), b[key].get<double>());
    fmt::print(stderr, "{}\n", line);
  }
  for (const Head& head : info.heads)
    for (const int percent : kPercents) {
      const json& sure = event["heads"][head.name]["test"]["sure"][std::to_string(percent)];
      fmt::print(stderr,
                 "{}: at {} % precision {:.1f} % of the test pictures need no review; {:.1f} % of those are right\n",
                 head.name, percent, 100 * sure["share"].get<double>(), 100 * sure["precision"].get<double>());
    }
}

}  // namespace

void calibrate(ModelInfo& info, Classifier& model, const BatchMaker& batches, const DataPlan& plan, int batch,
               RunFolder& folder) {
  info.hierarchy = learn_hierarchy(plan.catalogue, plan.train);
  if (plan.val.empty()) {
    fmt::print(stderr,
               "no validation pictures: the probabilities stay as the network gives them, and none is called sure\n");
    return;
  }
  const Answered val = answer(model, batches, plan.val, batch, "calibrating");
  const Answered test = answer(model, batches, plan.test, batch, "measuring");
  fit(info, val);
  const json event = report(info, val, test);
  folder.log(event);
  if (plan.test.empty())
    fmt::print(stderr, "calibrated; no test pictures to measure that on\n");
  else
    print(event, info);
}

}  // namespace pc
