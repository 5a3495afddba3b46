#include "tools/evaluate/calibration_math.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace pc {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kBins = 15;

double log_sum_exp(const std::vector<float>& z, double beta) {
  const double top = *std::max_element(z.begin(), z.end());
  double sum = 0;
  for (const float value : z) sum += std::exp(beta * (value - top));
  return beta * top + std::log(sum);
}

// Of softmax(beta * logits) against Platt's targets; convex in beta.
double smoothed_loss(const Evidence& evidence, double beta) {
  const double doubt = 1 / (double(evidence.labels.size()) + 2);
  double loss = 0;
  for (std::size_t i = 0; i < evidence.labels.size(); ++i) {
    const std::vector<float>& z = evidence.logits[i];
    double mean = 0;
    for (const float value : z) mean += double(value) / double(z.size());
    loss += log_sum_exp(z, beta) - beta * ((1 - doubt) * z[std::size_t(evidence.labels[i])] + doubt * mean);
  }
  return loss;
}

// The place of the minimum of a function that falls, then rises.
template <class F>
double golden_section(double low, double high, const F& f) {
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  double a = high - ratio * (high - low), b = low + ratio * (high - low), fa = f(a), fb = f(b);
  while (high - low > 1e-6) {
    if (fa <= fb) {
      high = b, b = a, fb = fa;
      a = high - ratio * (high - low), fa = f(a);
    } else {
      low = a, a = b, fa = fb;
      b = low + ratio * (high - low), fb = f(b);
    }
  }
  return (low + high) / 2;
}

bool prove(int64_t correct, int64_t n, int percent) { return 100 * (correct + 1) >= percent * (n + 2); }

}  // namespace

double fit_temperature(const Evidence& evidence) {
  if (evidence.labels.empty()) return 1;
  const double reach = std::log(20.0);
  return std::exp(
      golden_section(-reach, reach, [&](double log_t) { return smoothed_loss(evidence, std::exp(-log_t)); }));
}

Reliability reliability(const Evidence& evidence, double temperature) {
  Reliability r{.n = int64_t(evidence.labels.size())};
  if (r.n == 0) return r;
  std::array<double, kBins> confidence{}, correct{};
  for (std::size_t i = 0; i < evidence.labels.size(); ++i) {
    const std::vector<double> p = probabilities(evidence.logits[i], temperature);
    const auto truth = std::size_t(evidence.labels[i]);
    const auto top = std::size_t(std::max_element(p.begin(), p.end()) - p.begin());
    const auto bin = std::min<std::size_t>(kBins - 1, std::size_t(p[top] * kBins));
    confidence[bin] += p[top];
    correct[bin] += top == truth;
    r.nll += log_sum_exp(evidence.logits[i], 1 / temperature) - evidence.logits[i][truth] / temperature;
    for (std::size_t c = 0; c < p.size(); ++c) r.brier += (p[c] - double(c == truth)) * (p[c] - double(c == truth));
  }
  for (std::size_t b = 0; b < kBins; ++b) r.ece += std::abs(confidence[b] - correct[b]);
  for (double* mean : {&r.ece, &r.nll, &r.brier}) *mean /= double(r.n);
  return r;
}

double threshold(std::vector<Vote> votes, int percent) {
  std::stable_sort(votes.begin(), votes.end(), [](const Vote& a, const Vote& b) { return a.p > b.p; });
  double lowest = kNever;
  int64_t correct = 0;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    correct += votes[i].correct;
    const bool tied = i + 1 < votes.size() && votes[i + 1].p == votes[i].p;
    if (!tied && prove(correct, int64_t(i) + 1, percent)) lowest = votes[i].p;
  }
  return lowest;
}

std::vector<double> label_thresholds(const std::vector<Vote>& votes, int labels, int percent) {
  std::vector<std::vector<Vote>> of_label(static_cast<std::size_t>(labels));
  for (const Vote& vote : votes) of_label[std::size_t(vote.label)].push_back(vote);
  const double of_head = threshold(votes, percent);
  std::vector<double> all;
  for (auto& own : of_label) {
    const auto n = int64_t(own.size());
    all.push_back(prove(n, n, percent) ? threshold(std::move(own), percent) : of_head);
  }
  return all;
}

std::vector<std::vector<float>> mean_directions(const std::vector<std::vector<float>>& logits) {
  std::map<std::ptrdiff_t, std::vector<double>> sums;
  for (const std::vector<float>& z : logits) {
    std::vector<double>& sum = sums[std::max_element(z.begin(), z.end()) - z.begin()];
    sum.resize(z.size());
    for (std::size_t i = 0; i < z.size(); ++i) sum[i] += double(z[i]);
  }
  std::vector<std::vector<float>> directions;
  for (const auto& [label, sum] : sums) {
    const double length = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
    if (length > 0) directions.emplace_back();
    for (const double value : sum)
      if (length > 0) directions.back().push_back(to_four_digits(value / length));
  }
  return directions;
}

double upper_quantile(std::vector<double> scores, double above) {
  const auto exceed = std::size_t(above * double(scores.size()));
  const auto at = scores.end() - 1 - std::ptrdiff_t(exceed);
  std::nth_element(scores.begin(), at, scores.end());
  return *at;
}

}  // namespace pc
