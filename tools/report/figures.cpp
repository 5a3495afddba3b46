#include "tools/report/figures.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace pc {
namespace {

std::optional<double> share(int64_t part, int64_t whole) {
  return whole ? std::optional(double(part) / double(whole)) : std::nullopt;
}

}  // namespace

std::optional<double> ClassFigures::precision() const { return share(correct, answers); }
std::optional<double> ClassFigures::recall() const { return share(correct, n); }
std::optional<double> ClassFigures::f1() const { return n ? share(2 * correct, n + answers) : std::nullopt; }

std::vector<ClassFigures> class_figures(const TestedHead& head) {
  std::vector<ClassFigures> all(head.classes.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i].label = int(i);
  for (const Tested& t : head.pictures) {
    ++all[std::size_t(t.truth)].n;
    ++all[std::size_t(t.answer)].answers;
    all[std::size_t(t.truth)].correct += t.truth == t.answer;
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.n > b.n; });
  return all;
}

std::vector<PairCount> pair_counts(const TestedHead& head) {
  std::map<std::pair<int, int>, int64_t> counts;
  for (const Tested& t : head.pictures) ++counts[{t.truth, t.answer}];
  std::vector<PairCount> pairs;
  for (const auto& [pair, count] : counts) pairs.push_back({pair.first, pair.second, count});
  std::stable_sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return pairs;
}

FoldedConfusion fold_confusion(const TestedHead& head, std::size_t most) {
  const auto classes = class_figures(head);
  FoldedConfusion folded{.labels = {}, .folded = classes.size() > most, .counts = {}};
  const std::size_t shown = std::min(most, classes.size()), size = shown + folded.folded;
  std::vector<std::size_t> place(classes.size(), shown);
  for (std::size_t i = 0; i < shown; ++i) {
    folded.labels.push_back(classes[i].label);
    place[std::size_t(classes[i].label)] = i;
  }
  folded.counts.assign(size, std::vector<int64_t>(size));
  for (const Tested& t : head.pictures) ++folded.counts[place[std::size_t(t.truth)]][place[std::size_t(t.answer)]];
  return folded;
}

std::vector<ProbabilityBin> probability_bins(const TestedHead& head, int bins, double Tested::*probability) {
  std::vector<ProbabilityBin> all(static_cast<std::size_t>(bins));
  for (const Tested& t : head.pictures) {
    ProbabilityBin& bin = all[std::size_t(std::min(bins - 1, int(t.*probability * bins)))];
    ++bin.n;
    bin.p += t.*probability;
    bin.accuracy += t.truth == t.answer;
  }
  for (ProbabilityBin& bin : all)
    if (bin.n) bin.p /= double(bin.n), bin.accuracy /= double(bin.n);
  return all;
}

double calibration_error(const std::vector<ProbabilityBin>& bins) {
  double sum = 0, n = 0;
  for (const ProbabilityBin& bin : bins) sum += double(bin.n) * std::abs(bin.p - bin.accuracy), n += double(bin.n);
  return n > 0 ? sum / n : 0;
}

std::vector<ChartPoint> coverage_curve(const TestedHead& head, std::size_t most) {
  std::vector<Tested> by_confidence = head.pictures;
  std::stable_sort(by_confidence.begin(), by_confidence.end(), [](const auto& a, const auto& b) { return a.p > b.p; });
  std::vector<ChartPoint> curve;
  const std::size_t n = by_confidence.size(), points = std::min(most, n);
  std::size_t counted = 0, correct = 0;
  for (std::size_t i = 1; i <= points; ++i) {
    for (; counted < i * n / points; ++counted)
      correct += by_confidence[counted].truth == by_confidence[counted].answer;
    curve.push_back({double(counted) / double(n), double(correct) / double(counted)});
  }
  return curve;
}

std::vector<Tested> highest_losses(const TestedHead& head, std::size_t most) {
  std::vector<Tested> worst = head.pictures;
  std::stable_sort(worst.begin(), worst.end(), [](const auto& a, const auto& b) { return a.loss > b.loss; });
  worst.resize(std::min(most, worst.size()));
  return worst;
}

}  // namespace pc
