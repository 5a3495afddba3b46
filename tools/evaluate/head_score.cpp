#include "tools/evaluate/head_score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace pc::evaluate {
namespace {

constexpr int kTop5Classes = 10;  // with no more of them top-5 accuracy says little

// The mean of f over the true classes that have a picture.
template <class F>
double mean_over_classes(const HeadScore& score, const F& f) {
  double sum = 0;
  int present = 0;
  for (int truth = 0; truth < score.truths(); ++truth)
    if (score.pictures(truth)) sum += f(truth), ++present;
  return present ? sum / present : 0;
}

}  // namespace

bool HeadScore::is_correct(int truth, int prediction) const {
  if (!mapped()) return truth == prediction;
  const auto& all = correct[std::size_t(truth)];
  return std::find(all.begin(), all.end(), prediction) != all.end();
}

void HeadScore::add(int truth, std::span<const float> logits) {
  const auto largest = std::max_element(logits.begin(), logits.end());
  const float of_truth = logits[std::size_t(truth)];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double(logit) - *largest);
  add(truth, int(largest - logits.begin()));
  ++with_logits;
  loss_sum += std::log(sum) - (double(of_truth) - *largest);
  top5 += std::count_if(logits.begin(), logits.end(), [&](float logit) { return logit > of_truth; }) < 5;
}

int64_t HeadScore::pictures(int truth) const {
  const auto row = confusion.begin() + std::ptrdiff_t(truth) * classes;
  return std::accumulate(row, row + classes, int64_t{0});
}

int64_t HeadScore::hits(int truth) const {
  int64_t hits = 0;
  for (int p = 0; p < classes; ++p)
    if (is_correct(truth, p)) hits += confusion[std::size_t(truth) * std::size_t(classes) + std::size_t(p)];
  return hits;
}

int64_t HeadScore::claims(int truth) const {
  int64_t claims = 0;
  for (int p = 0; p < classes; ++p) {
    if (!is_correct(truth, p)) continue;
    for (int other = 0; other < truths(); ++other)
      if (!is_correct(other, p)) claims += confusion[std::size_t(other) * std::size_t(classes) + std::size_t(p)];
  }
  return claims;
}

int64_t HeadScore::n() const { return std::accumulate(confusion.begin(), confusion.end(), int64_t{0}); }

double HeadScore::accuracy() const {
  int64_t all_hits = 0;
  for (int truth = 0; truth < truths(); ++truth) all_hits += hits(truth);
  return n() ? double(all_hits) / double(n()) : 0;
}

double HeadScore::macro_f1() const {
  return mean_over_classes(*this, [&](int truth) {
    return 2.0 * double(hits(truth)) / double(pictures(truth) + hits(truth) + claims(truth));
  });
}

double HeadScore::macro_recall() const {
  return mean_over_classes(*this, [&](int truth) { return double(hits(truth)) / double(pictures(truth)); });
}

double HeadScore::majority() const {
  int64_t most = 0;
  for (int p = 0; p < classes; ++p) {
    int64_t served = 0;
    for (int truth = 0; truth < truths(); ++truth)
      if (is_correct(truth, p)) served += pictures(truth);
    most = std::max(most, served);
  }
  return n() ? double(most) / double(n()) : 0;
}

Interval wilson(double share, int64_t count) {
  if (count == 0) return {0, 1};
  constexpr double kZ = 1.959963984540054;
  const double n = double(count), middle = share + kZ * kZ / (2 * n);
  const double reach = kZ * std::sqrt(share * (1 - share) / n + kZ * kZ / (4 * n * n)), scale = 1 + kZ * kZ / n;
  return {std::max(0.0, (middle - reach) / scale), std::min(1.0, (middle + reach) / scale)};
}

std::vector<HeadScore> empty_scores(const std::vector<HeadShape>& heads) {
  std::vector<HeadScore> scores;
  for (const HeadShape& head : heads)
    scores.push_back({.name = head.name,
                      .classes = head.classes,
                      .confusion = std::vector<int64_t>(std::size_t(head.classes) * std::size_t(head.classes))});
  return scores;
}

nlohmann::json to_json(const std::vector<HeadScore>& scores) {
  nlohmann::json j = nlohmann::json::object();
  for (const HeadScore& s : scores) {
    const int64_t n = s.n();
    const Interval interval = wilson(s.accuracy(), n);
    const auto share = [&](double value) { return n ? nlohmann::json(value) : nlohmann::json(); };
    j[s.name] = {{"n", n},
                 {"unknown", s.unknown},
                 {"accuracy", share(s.accuracy())},
                 {"low", share(interval.low)},
                 {"high", share(interval.high)},
                 {s.mapped() ? "mean_recall" : "macro_f1", share(s.mapped() ? s.macro_recall() : s.macro_f1())},
                 {"majority", share(s.majority())}};
    if (s.with_logits > 0) j[s.name]["loss"] = s.loss_sum / double(s.with_logits);
    if (s.with_logits > 0 && s.classes > kTop5Classes) j[s.name]["top5"] = double(s.top5) / double(s.with_logits);
  }
  return j;
}

std::string to_table(const std::vector<HeadScore>& scores) {
  std::size_t width = 4;
  for (const HeadScore& s : scores) width = std::max(width, s.name.size());
  const bool mapped = std::any_of(scores.begin(), scores.end(), [](const HeadScore& s) { return s.mapped(); });
  std::string text =
      fmt::format("{:<{}} {:>8} {:>8} {:>8} {:>9}  {:<17} {:>11} {:>9}\n", "head", width, "classes", "n", "unknown",
                  "accuracy", "95 % interval", mapped ? "macro recall" : "macro-F1", "majority");
  for (const HeadScore& s : scores) {
    text += fmt::format("{:<{}} {:>8} {:>8} {:>8} ", s.name, width, s.classes, s.n(), s.unknown);
    const Interval interval = wilson(s.accuracy(), s.n());
    if (s.n())
      text += fmt::format("{:>9.4f}  {:.4f} … {:.4f}   {:>11.4f} {:>9.4f}\n", s.accuracy(), interval.low, interval.high,
                          s.mapped() ? s.macro_recall() : s.macro_f1(), s.majority());
    else
      text += fmt::format("{:>9}  {:<17} {:>11} {:>9}\n", "-", "-", "-", "-");
  }
  return text;
}

}  // namespace pc::evaluate
