// The mathematics of calibration against plain definitions, by hand, and on logits whose truth is known.
#include "tools/evaluate/calibration_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "kernels/base/random.h"

namespace pc::evaluate {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

double draw(int picture, int what) { return uniform(philox(7, uint64_t(picture), uint64_t(what)).word[0]); }

// Labels drawn from softmax(logits / temperature).
Evidence drawn(int n, double temperature) {
  Evidence evidence;
  for (int i = 0; i < n; ++i) {
    std::vector<float> z;
    for (int c = 0; c < 6; ++c) z.push_back(float(8 * draw(i, c)));
    const std::vector<double> p = probabilities(z, temperature);
    double u = draw(i, 99);
    int32_t label = 0;
    while (label < 5 && u >= p[std::size_t(label)]) u -= p[std::size_t(label++)];
    evidence.logits.push_back(z);
    evidence.labels.push_back(label);
  }
  return evidence;
}

// n pictures of two labels, the first with probability p; the first `correct` are of that label.
Evidence constant(int n, int correct, double p) {
  Evidence evidence;
  for (int i = 0; i < n; ++i) {
    evidence.logits.push_back({float(std::log(p / (1 - p))), 0});
    evidence.labels.push_back(i < correct ? 0 : 1);
  }
  return evidence;
}

double softmax_at(const std::vector<float>& z, std::size_t label, double temperature) {
  double sum = 0;
  for (const float value : z) sum += std::exp(double(value) / temperature);
  return std::exp(double(z[label]) / temperature) / sum;
}

// The slope of the loss over 1 / temperature: the mean logit under the model less that under Platt's targets.
double slope(const Evidence& evidence, double temperature) {
  const double doubt = 1 / (double(evidence.labels.size()) + 2);
  double sum = 0;
  for (std::size_t i = 0; i < evidence.labels.size(); ++i) {
    const std::vector<float>& z = evidence.logits[i];
    for (std::size_t c = 0; c < z.size(); ++c) {
      const double target = (int32_t(c) == evidence.labels[i] ? 1 - doubt : 0) + doubt / double(z.size());
      sum += (softmax_at(z, c, temperature) - target) * double(z[c]);
    }
  }
  return sum;
}

TEST(Temperature, IsWhereTheLossIsLowest) {
  for (const int n : {1, 2, 5, 40}) {
    const Evidence evidence = drawn(n, 1.7);
    const double t = fit_temperature(evidence);
    ASSERT_GT(t, 0.051);
    ASSERT_LT(t, 19.9);
    EXPECT_LT(slope(evidence, t * 1.00001), 0) << n;
    EXPECT_GT(slope(evidence, t / 1.00001), 0) << n;
  }
}

TEST(Temperature, StaysWithinOneTwentiethAndTwenty) {
  EXPECT_NEAR(fit_temperature({.logits = {{3, 0}, {3, 0}}, .labels = {1, 1}}), 20, 1e-4);
  EXPECT_NEAR(fit_temperature({.logits = {{1e-3f, 0}}, .labels = {0}}), 0.05, 1e-6);
}

TEST(Temperature, MakesTheProbabilitiesMatchWhatWasSeen) {
  const Evidence confident = constant(1000, 700, 0.95);  // says 95 %, 70 % are right
  const double t = fit_temperature(confident);
  EXPECT_NEAR(probabilities(confident.logits[0], t)[0], 0.7, 0.002);
  EXPECT_LT(reliability(confident, t).ece, 0.002);
  EXPECT_LT(reliability(confident, t).nll, reliability(confident, 1).nll);
}

// The maximum of the likelihood would be at temperature 0.
TEST(Temperature, StaysSensibleWhereEveryPictureIsRight) {
  const Evidence all_correct = constant(98, 98, 0.9);
  EXPECT_NEAR(probabilities(all_correct.logits[0], fit_temperature(all_correct))[0], 1 - 0.5 / 100, 1e-4);
  EXPECT_EQ(fit_temperature({}), 1);
}

TEST(Reliability, FollowsTheDefinitions) {
  for (const double temperature : {0.5, 1.0, 3.0}) {
    const Evidence evidence = drawn(300, 1.3);
    double nll = 0, brier = 0, ece = 0;
    for (int bin = 0; bin < 15; ++bin) {
      double confidence = 0, accuracy = 0;
      for (std::size_t i = 0; i < 300; ++i) {
        std::size_t top = 0;
        for (std::size_t c = 0; c < 6; ++c)
          if (evidence.logits[i][c] > evidence.logits[i][top]) top = c;
        const double p = softmax_at(evidence.logits[i], top, temperature);
        if (p < bin / 15.0 || p >= (bin + 1) / 15.0) continue;
        confidence += p / 300, accuracy += (int32_t(top) == evidence.labels[i]) / 300.0;
      }
      ece += std::abs(confidence - accuracy);
    }
    for (std::size_t i = 0; i < 300; ++i)
      for (std::size_t c = 0; c < 6; ++c) {
        const double p = softmax_at(evidence.logits[i], c, temperature), truth = int32_t(c) == evidence.labels[i];
        nll -= truth * std::log(p) / 300;
        brier += (p - truth) * (p - truth) / 300;
      }
    const Reliability r = reliability(evidence, temperature);
    EXPECT_EQ(r.n, 300);
    EXPECT_NEAR(r.ece, ece, 1e-12);
    EXPECT_NEAR(r.nll, nll, 1e-12);
    EXPECT_NEAR(r.brier, brier, 1e-12);
  }
}

// A probability of exactly 1 belongs to the last bin, 1/3 begins the sixth.
TEST(Reliability, EndsOfBins) {
  const Reliability certain = reliability({.logits = {{200, 0}}, .labels = {1}}, 1);
  EXPECT_EQ(certain.ece, 1);
  EXPECT_EQ(certain.nll, 200);
  EXPECT_EQ(certain.brier, 2);
  const std::vector<float> third{0, 0, 0, -1e9f}, below{0, 0, 0, -3};
  EXPECT_NEAR(reliability({.logits = {third, below}, .labels = {0, 1}}, 1).ece, (2.0 / 3 + softmax_at(below, 0, 1)) / 2,
              1e-12);
  EXPECT_NEAR(reliability({.logits = {std::vector<float>(20)}, .labels = {0}}, 1).ece, 0.95, 1e-12) << "the first bin";
  EXPECT_EQ(reliability({}, 1).n, 0);
  EXPECT_EQ(reliability({}, 1).nll, 0);
}

std::vector<Vote> votes(int32_t label, int n, double p, int correct) {
  std::vector<Vote> all;
  for (int i = 0; i < n; ++i) all.push_back({.label = label, .p = p, .correct = i < correct});
  return all;
}

// Tried at every p that occurs.
double lowest_of(const std::vector<Vote>& votes, int percent, int label = -1) {
  double lowest = kNever;
  for (const Vote& at : votes) {
    int n = 0, correct = 0;
    for (const Vote& vote : votes)
      if ((label < 0 || vote.label == label) && vote.p >= at.p) ++n, correct += vote.correct;
    if ((label < 0 || at.label == label) && (correct + 1) * 100 >= percent * (n + 2)) lowest = std::min(lowest, at.p);
  }
  return lowest;
}

TEST(Threshold, FollowsTheDefinition) {
  std::set<double> found;
  for (int seed = 0; seed < 60; ++seed) {
    std::vector<Vote> all;
    for (int i = 0; i < 3 * seed; ++i) {
      const double p = std::floor(12 * draw(seed, 3 * i)) / 12;  // many ties
      all.push_back({.label = i % 7 < 4   ? 0
                              : i % 7 < 6 ? 1
                                          : 2,
                     .p = p,
                     .correct = draw(seed, 3 * i + 1) < 0.7 + p / 3});
    }
    for (const int percent : {80, 90, 95}) {
      EXPECT_EQ(threshold(all, percent), lowest_of(all, percent)) << seed;
      found.insert(threshold(all, percent));
      const auto of_label = label_thresholds(all, 4, percent);
      ASSERT_EQ(of_label.size(), 4u);
      for (int label = 0; label < 4; ++label) {
        const auto n = std::count_if(all.begin(), all.end(), [&](const Vote& v) { return v.label == label; });
        const bool enough = 100 * (n + 1) >= percent * (n + 2);
        EXPECT_EQ(of_label[std::size_t(label)], enough ? lowest_of(all, percent, label) : lowest_of(all, percent));
      }
    }
  }
  EXPECT_GT(found.size(), 5u);
}

TEST(Threshold, FewVotesProveLittle) {
  EXPECT_EQ(threshold(votes(0, 17, 0.9, 17), 95), kNever);
  EXPECT_EQ(threshold(votes(0, 18, 0.9, 18), 95), 0.9);
  EXPECT_EQ(threshold(votes(0, 97, 0.9, 97), 99), kNever);
  EXPECT_EQ(threshold(votes(0, 50, 0.9, 40), 90), kNever);
  EXPECT_EQ(threshold({}, 90), kNever);
}

// The lowest score that no more than the share exceed; so of 99 scores none may exceed it, of 100 one.
TEST(UpperQuantile, AtMostTheShareIsAbove) {
  for (const int n : {1, 2, 50, 99, 100, 101, 199, 200, 250}) {
    std::vector<double> scores;
    for (int i = 0; i < n; ++i) scores.push_back(double((i * 7) % n) / 3);
    double lowest = kNever;
    for (const double score : scores)
      if (double(std::count_if(scores.begin(), scores.end(), [&](double s) { return s > score; })) <= 0.01 * n)
        lowest = std::min(lowest, score);
    EXPECT_EQ(upper_quantile(scores, 0.01), lowest) << n;
  }
}

TEST(Directions, AreTheMeanLogitsOfEachAnswer) {
  const auto found = mean_directions({{4, 0, 0}, {0, 2, 0}, {4, 3, 0}});
  ASSERT_EQ(found.size(), 2u) << "nothing was answered with label 2";
  EXPECT_EQ(found[0], (std::vector<float>{0.9363f, 0.3511f, 0})) << "(8, 3, 0) / sqrt(73)";
  EXPECT_EQ(found[1], (std::vector<float>{0, 1, 0}));
  EXPECT_EQ(mean_directions({{0.5f, 0}}), (std::vector<std::vector<float>>{{1, 0}}));
  EXPECT_TRUE(mean_directions({{0, 0}}).empty()) << "a vector without a length has no direction";
}

}  // namespace
}  // namespace pc::evaluate
