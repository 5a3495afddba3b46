#include "tools/evaluate/fit_calibration.h"

#include <algorithm>

namespace pc {
namespace {

constexpr double kStrange = 0.01;  // of the pictures are called no product

std::vector<Threshold> thresholds_of(const std::vector<Vote>& votes, int labels) {
  std::vector<Threshold> thresholds;
  for (const int percent : kPrecisions)
    thresholds.push_back({.percent = percent, .of_label = label_thresholds(votes, labels, percent)});
  return thresholds;
}

// The head with most labels knows most of what a product looks like.
NoveltyRule rule_of(const ModelInfo& info, const LabeledLogits& answered) {
  const auto finest = std::max_element(info.heads.begin(), info.heads.end(),
                                       [](const Head& a, const Head& b) { return a.labels.size() < b.labels.size(); });
  NoveltyRule rule{.head = std::size_t(finest - info.heads.begin())};
  std::vector<std::vector<float>> of_head;
  for (const Logits& logits : answered.logits) of_head.push_back(logits[rule.head]);
  rule.directions = mean_directions(of_head);
  return rule;
}

double limit_of(const NoveltyRule& rule, const LabeledLogits& answered) {
  std::vector<double> scores;
  for (const Logits& logits : answered.logits) scores.push_back(novelty(rule, logits));
  return upper_quantile(std::move(scores), kStrange);
}

}  // namespace

Evidence evidence_of(const LabeledLogits& answered, std::size_t head) {
  Evidence evidence;
  for (std::size_t i = 0; i < answered.logits.size(); ++i) {
    if (answered.labels[i][head] < 0) continue;
    evidence.logits.push_back(answered.logits[i][head]);
    evidence.labels.push_back(answered.labels[i][head]);
  }
  return evidence;
}

std::vector<std::vector<Named>> name_all(const ModelInfo& info, const LabeledLogits& answered, int percent) {
  std::vector<std::vector<Named>> all;
  for (const Logits& logits : answered.logits) all.push_back(named_labels(info, logits, percent));
  return all;
}

void fit_calibration(ModelInfo& info, const LabeledLogits& answered) {
  if (!info.calibration) info.calibration.emplace().heads.resize(info.heads.size());
  Calibration& calibration = *info.calibration;
  std::vector<bool> labeled;
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    const Evidence evidence = evidence_of(answered, h);
    labeled.push_back(!evidence.labels.empty());
    if (labeled[h]) calibration.heads[h].temperature = fit_temperature(evidence);
  }
  const auto named = name_all(info, answered, 0);
  for (std::size_t h = 0; h < info.heads.size(); ++h) {
    std::vector<Vote> votes;
    for (std::size_t i = 0; i < named.size(); ++i)
      if (const Named& one = named[i][h]; answered.labels[i][h] >= 0 && one.label >= 0)
        votes.push_back({.label = one.label, .p = one.p, .correct = one.label == answered.labels[i][h]});
    if (labeled[h] || calibration.heads[h].thresholds.empty())
      calibration.heads[h].thresholds = thresholds_of(votes, int(info.heads[h].labels.size()));
  }
  if (double(answered.logits.size()) * kStrange < 1) return;
  if (!calibration.novelty) calibration.novelty = rule_of(info, answered);
  calibration.novelty->limit = limit_of(*calibration.novelty, answered);
}

}  // namespace pc
