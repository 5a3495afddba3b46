#include "tools/predict/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "kernels/base/error.h"

namespace pc::predict {
namespace {

constexpr int kUsualPrecision = 95;  // percent

bool reaches(const HeadCalibration& head, int percent, const Named& named) {
  if (named.label < 0) return false;
  for (const Threshold& threshold : head.thresholds)
    if (threshold.percent == percent) return named.p >= threshold.of_label[std::size_t(named.label)];
  return false;
}

}  // namespace

const char* text_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::accepted:
      return "accepted";
    case Verdict::review:
      return "needs review";
    case Verdict::out_of_distribution:
      return "not a product";
  }
  return "";
}

const char* counted_text(Verdict verdict, int64_t images) {
  if (verdict == Verdict::out_of_distribution) return "unlike the training images";
  return verdict == Verdict::review && images != 1 ? "need review" : text_of(verdict);
}

std::vector<double> temperatures(const ModelInfo& info) {
  std::vector<double> all(info.heads.size(), 1.0);
  if (info.calibration)
    for (std::size_t h = 0; h < all.size(); ++h) all[h] = info.calibration->heads[h].temperature;
  return all;
}

std::vector<int> precisions(const ModelInfo& info) {
  std::vector<int> all;
  if (info.calibration)
    for (const Threshold& threshold : info.calibration->heads.front().thresholds) all.push_back(threshold.percent);
  return all;
}

int precision_of(const ModelInfo& info, std::optional<int> wanted) {
  const std::vector<int> there = precisions(info);
  if (wanted && there.empty()) fail(Exit::usage, fmt::format("--accept-at {}: the model is not calibrated", *wanted));
  if (wanted && std::find(there.begin(), there.end(), *wanted) == there.end())
    fail(Exit::usage, fmt::format("--accept-at {}: the model knows {}", *wanted, fmt::join(there, ", ")));
  return wanted.value_or(kUsualPrecision);
}

std::vector<Named> named_labels(const ModelInfo& info, const std::vector<std::vector<float>>& logits, int percent) {
  const std::vector<double> t = temperatures(info);
  const std::vector<int32_t> labels = joint_labels(info.hierarchy, logits, t);
  std::vector<Named> named;
  for (std::size_t h = 0; h < labels.size(); ++h) {
    Named one{.label = labels[h]};
    if (one.label >= 0) one.p = probabilities(logits[h], t[h])[std::size_t(one.label)];
    one.confident = info.calibration && reaches(info.calibration->heads[h], percent, one);
    named.push_back(one);
  }
  for (const Link& link : info.hierarchy) named[link.coarse].confident |= named[link.fine].confident;
  return named;
}

Verdict verdict_of(const ModelInfo& info, const std::vector<std::vector<float>>& logits,
                   const std::vector<Named>& named) {
  if (info.calibration)
    if (const auto& rule = info.calibration->novelty; rule && novelty(*rule, logits) > rule->limit)
      return Verdict::out_of_distribution;
  const bool confident = std::all_of(named.begin(), named.end(), [](const Named& one) { return one.confident; });
  return confident ? Verdict::accepted : Verdict::review;
}

std::vector<std::string> confident_labels(const ModelInfo& info, const std::vector<std::size_t>& chain,
                                          const std::vector<Named>& named) {
  std::vector<std::string> labels;
  for (const std::size_t h : chain) {
    if (!named[h].confident) break;
    labels.push_back(info.heads[h].labels[std::size_t(named[h].label)]);
  }
  return labels;
}

}  // namespace pc::predict
