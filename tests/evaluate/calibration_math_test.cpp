// The mathematics of calibration by hand, and on logits whose truth is known.
#include "tools/evaluate/calibration_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/base/random.h"

namespace pc {
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

TEST(Temperature, AKnownOneIsRecovered) {
  for (const double t : {0.5, 1.0, 2.5}) EXPECT_NEAR(fit_temperature(drawn(6000, t)) / t, 1, 0.05) << t;
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

TEST(Reliability, ByHand) {
  const Reliability r = reliability(constant(10, 6, 0.8), 1);
  EXPECT_EQ(r.n, 10);
  EXPECT_NEAR(r.ece, 0.2, 1e-6);
  EXPECT_NEAR(r.nll, -0.6 * std::log(0.8) - 0.4 * std::log(0.2), 1e-6);
  EXPECT_NEAR(r.brier, 0.6 * 2 * 0.04 + 0.4 * 2 * 0.64, 1e-6);
}

// Two bins that err in opposite directions do not cancel.
TEST(Reliability, BinsDoNotCancel) {
  Evidence both = constant(10, 7, 0.8);
  const Evidence other = constant(10, 7, 0.6);
  both.logits.insert(both.logits.end(), other.logits.begin(), other.logits.end());
  both.labels.insert(both.labels.end(), other.labels.begin(), other.labels.end());
  EXPECT_NEAR(reliability(both, 1).ece, 0.1, 1e-6);
}

TEST(Reliability, CertaintyAndNothing) {
  EXPECT_EQ(reliability({.logits = {{200, 0}}, .labels = {0}}, 1).ece, 0);  // a probability of exactly 1
  EXPECT_EQ(reliability({}, 1).n, 0);
}

std::vector<Vote> votes(int32_t label, int n, double p, int correct) {
  std::vector<Vote> all;
  for (int i = 0; i < n; ++i) all.push_back({.label = label, .p = p, .correct = i < correct});
  return all;
}

std::vector<Vote> joined(std::vector<Vote> a, const std::vector<Vote>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Threshold, IsTheLowestThatKeepsThePrecision) {
  // 98 of 98 right at 0.9 (99/100), 16 of 20 at 0.7 (115/120: 95.8 %), 0 of 20 at 0.5 (115/140: 82.1 %).
  const auto all = joined(joined(votes(0, 20, 0.5, 0), votes(0, 98, 0.9, 98)), votes(0, 20, 0.7, 16));
  EXPECT_EQ(threshold(all, 99), 0.9);
  EXPECT_EQ(threshold(all, 96), 0.9);
  EXPECT_EQ(threshold(all, 95), 0.7);
  EXPECT_EQ(threshold(all, 83), 0.7);
  EXPECT_EQ(threshold(all, 82), 0.5);
}

TEST(Threshold, FewVotesProveLittle) {
  EXPECT_EQ(threshold(votes(0, 17, 0.9, 17), 95), kNever);
  EXPECT_EQ(threshold(votes(0, 18, 0.9, 18), 95), 0.9);
  EXPECT_EQ(threshold(votes(0, 97, 0.9, 97), 99), kNever);
  EXPECT_EQ(threshold(votes(0, 50, 0.9, 40), 90), kNever);
  EXPECT_EQ(threshold({}, 90), kNever);
}

// Between equal probabilities no line can be drawn, however the votes are ordered.
TEST(Threshold, TiesStandOrFallTogether) { EXPECT_EQ(threshold(votes(0, 40, 0.9, 20), 90), kNever); }

TEST(Threshold, LabelsHaveTheirOwnOrThatOfTheHead) {
  // Label 0 is always right at 0.6, label 1 never; label 2 has too few votes.
  const auto all = joined(joined(votes(0, 60, 0.6, 60), votes(1, 20, 0.5, 0)), votes(2, 3, 0.8, 3));
  EXPECT_EQ(label_thresholds(all, 4, 95), (std::vector<double>{0.6, kNever, 0.6, 0.6}));
}

TEST(UpperQuantile, AtMostTheShareIsAbove) {
  std::vector<double> scores;
  for (int i = 0; i < 250; ++i) scores.push_back(double((i * 7) % 250));
  EXPECT_EQ(upper_quantile(scores, 0.01), 247);  // 248 and 249 are above: 2 of 250
  EXPECT_EQ(upper_quantile({3.0}, 0.01), 3);
}

TEST(Directions, AreTheMeanLogitsOfEachAnswer) {
  const auto found = mean_directions({{4, 0, 0}, {0, 2, 0}, {4, 3, 0}});
  ASSERT_EQ(found.size(), 2u) << "nothing was answered with label 2";
  EXPECT_EQ(found[0], (std::vector<float>{0.9363f, 0.3511f, 0})) << "(8, 3, 0) / sqrt(73)";
  EXPECT_EQ(found[1], (std::vector<float>{0, 1, 0}));
  EXPECT_TRUE(mean_directions({{0, 0}}).empty()) << "a vector without a length has no direction";
}

}  // namespace
}  // namespace pc
