// Scores against their definitions, written out over the list of answers: accuracy, macro-F1 and macro recall over the
// classes that occur, the majority baseline, Wilson's interval.
#include "tools/evaluate/head_score.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/base/random.h"
#include "tests/support.h"

namespace pc::evaluate {
namespace {

using Answers = std::vector<std::pair<int, int>>;  // truth and prediction

HeadScore score_of(int classes, const Answers& truth_and_prediction) {
  HeadScore score{
      .name = "head", .classes = classes, .confusion = std::vector<int64_t>(std::size_t(classes * classes))};
  for (const auto& [truth, prediction] : truth_and_prediction) score.add(truth, prediction);
  return score;
}

// What the words mean, without a matrix. `correct`: the predictions that are right for each true class.
struct Defined {
  double accuracy = 0, macro_f1 = 0, macro_recall = 0, majority = 0;
};
Defined defined(const Answers& answers, const std::vector<std::vector<int32_t>>& correct) {
  const auto is_right = [&](int truth, int prediction) {
    for (const int32_t label : correct[std::size_t(truth)])
      if (label == prediction) return true;
    return false;
  };
  const double n = double(answers.size());
  Defined d;
  std::set<int> present;
  for (const auto& [truth, prediction] : answers) present.insert(truth), d.accuracy += is_right(truth, prediction) / n;
  for (const int c : present) {
    double found = 0, missed = 0, claimed = 0;  // claimed: others that are taken for c
    for (const auto& [truth, prediction] : answers) {
      if (truth == c) ++(is_right(c, prediction) ? found : missed);
      if (truth != c && !is_right(truth, prediction) && is_right(c, prediction)) ++claimed;
    }
    const double recall = found / (found + missed), precision = found > 0 ? found / (found + claimed) : 0;
    d.macro_recall += recall / double(present.size());
    if (found > 0) d.macro_f1 += 2 * precision * recall / (precision + recall) / double(present.size());
  }
  for (int always = 0; always < 9; ++always) {
    double served = 0;
    for (const auto& [truth, prediction] : answers) served += is_right(truth, always) / n;
    d.majority = std::max(d.majority, served);
  }
  return d;
}

void expect_defined(const HeadScore& score, const Answers& answers, const std::vector<std::vector<int32_t>>& correct) {
  const Defined d = defined(answers, correct);
  EXPECT_NEAR(score.accuracy(), d.accuracy, 1e-12);
  EXPECT_NEAR(score.macro_f1(), d.macro_f1, 1e-12);
  EXPECT_NEAR(score.macro_recall(), d.macro_recall, 1e-12);
  EXPECT_NEAR(score.majority(), d.majority, 1e-12);
  const auto json = to_json({score})["head"];
  const Interval interval = wilson(d.accuracy, int64_t(answers.size()));
  const std::string mean = score.mapped() ? "mean_recall" : "macro_f1";
  EXPECT_EQ(json["n"], answers.size());
  EXPECT_EQ(json["unknown"], 7);
  for (const auto& [key, value] : {std::pair<std::string, double>{"accuracy", d.accuracy},
                                   {"low", interval.low},
                                   {"high", interval.high},
                                   {mean, score.mapped() ? d.macro_recall : d.macro_f1},
                                   {"majority", d.majority}})
    EXPECT_NEAR(json[key].get<double>(), value, 1e-12) << key;
  EXPECT_EQ(json.size(), 7u);
  const std::string row = fmt::format("head {:>8} {:>8} {:>8} {:>9.4f}  {:.4f} … {:.4f}   {:>11.4f} {:>9.4f}\n",
                                      score.classes, answers.size(), 7, d.accuracy, interval.low, interval.high,
                                      score.mapped() ? d.macro_recall : d.macro_f1, d.majority);
  EXPECT_TRUE(to_table({score}).ends_with("\n" + row)) << to_table({score}) << row;
}

// Class 3 is claimed and has no picture, class 4 has pictures and is never claimed, class 5 is neither.
Answers drawn(uint64_t seed, int n) {
  constexpr int kTruths[] = {0, 0, 1, 2, 4}, kPredictions[] = {0, 1, 1, 2, 3};
  Answers answers;
  for (int i = 0; i < n; ++i) {
    const auto drawn = philox(seed, uint64_t(i), 0);
    answers.push_back({kTruths[drawn.word[0] % 5], kPredictions[drawn.word[1] % 5]});
    if (drawn.word[2] % 2 && answers.back().first < 3) answers.back().second = answers.back().first;
  }
  return answers;
}

TEST(HeadScore, FollowsTheDefinitions) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Answers answers = drawn(seed, seed == 1 ? 1 : int(3 * seed));
    HeadScore score = score_of(6, answers);
    score.unknown = 7;
    expect_defined(score, answers, {{0}, {1}, {2}, {3}, {4}, {5}});
  }
}

TEST(HeadScore, FollowsTheDefinitionsWhereSeveralPredictionsAreRight) {
  const std::vector<std::vector<int32_t>> correct = {{0, 2}, {1}, {1, 3}, {5}, {2}};
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Answers answers = drawn(seed, int(3 * seed));
    HeadScore score{.name = "head", .classes = 6, .confusion = std::vector<int64_t>(30), .unknown = 7};
    score.correct = correct;
    for (const auto& [truth, prediction] : answers) score.add(truth, prediction);
    EXPECT_EQ(score.truths(), 5);
    expect_defined(score, answers, correct);
  }
}

// By hand. Two pictures of class 0, one taken for 2, which has none; class 1 has one, taken for 0.
TEST(HeadScore, AClassThatIsClaimedButHasNoPictureDoesNotCount) {
  const HeadScore s = score_of(3, {{0, 0}, {0, 2}, {1, 0}});
  EXPECT_DOUBLE_EQ(s.macro_f1(), (2.0 / 4 + 0) / 2);
  EXPECT_DOUBLE_EQ(s.macro_recall(), (1.0 / 2 + 0) / 2);
  EXPECT_DOUBLE_EQ(s.majority(), 2.0 / 3);
  EXPECT_EQ(s.pictures(0), 2);
  EXPECT_EQ(s.claims(0), 1);
  EXPECT_EQ(s.claims(2), 1);
  EXPECT_EQ(s.confusion, (std::vector<int64_t>{1, 0, 1, 1, 0, 0, 0, 0, 0})) << "a row is a truth";
}

TEST(HeadScore, NothingToScore) {
  const HeadScore s = score_of(3, {});
  EXPECT_EQ(s.accuracy(), 0);
  EXPECT_EQ(s.macro_f1(), 0);
  EXPECT_EQ(s.macro_recall(), 0);
  EXPECT_EQ(s.majority(), 0);
  EXPECT_EQ(HeadScore{}.truths(), 0);
  EXPECT_EQ(HeadScore{}.n(), 0);
}

TEST(HeadScore, NothingCountedIsBlank) {
  const auto json = to_json({score_of(2, {})})["head"];
  for (const char* key : {"accuracy", "low", "high", "macro_f1", "majority"}) EXPECT_TRUE(json[key].is_null()) << key;
  EXPECT_EQ(json["n"], 0);
  EXPECT_HAS(to_table({score_of(2, {})}), "        -  -");
}

// Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
TEST(Wilson, HasThePublishedValues) {
  const struct {
    int64_t correct, n;
    double low, high;
  } rows[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (const auto& row : rows) {
    const Interval interval = wilson(double(row.correct) / double(row.n), row.n);
    EXPECT_NEAR(interval.low, row.low, 5e-5) << row.n;
    EXPECT_NEAR(interval.high, row.high, 5e-5) << row.n;
    const Interval mirrored = wilson(double(row.n - row.correct) / double(row.n), row.n);
    EXPECT_NEAR(mirrored.low, 1 - interval.high, 1e-12);
  }
}

// Its ends are the shares from which the measured one lies 1.96 standard errors away.
TEST(Wilson, EndsSolveTheEquation) {
  for (const int64_t n : {1, 2, 7, 1000})
    for (int64_t correct = 0; correct <= n; correct += std::max<int64_t>(1, n / 5)) {
      const double share = double(correct) / double(n);
      const Interval interval = wilson(share, n);
      for (const double end : {interval.low, interval.high})
        EXPECT_NEAR(std::abs(share - end), 1.959963984540054 * std::sqrt(std::abs(end * (1 - end)) / double(n)), 1e-8)
            << n;
      EXPECT_LE(interval.low, share + 1e-15);
      EXPECT_GE(interval.high, share - 1e-15);
    }
  EXPECT_EQ(wilson(0, 0).low, 0);
  EXPECT_EQ(wilson(0, 0).high, 1);
}

// -ln softmax and the five largest logits; of equal ones all count as not larger.
TEST(HeadScore, LossAndTopFiveFollowTheLogits) {
  HeadScore score = empty_scores({{"head", 11}})[0];
  std::vector<float> logits(11, 0.0f);
  for (int i = 0; i < 6; ++i) logits[std::size_t(i)] = float(10 - i);  // 10, 9, 8, 7, 6, 5, then zeros
  const double sum = std::exp(10.) + std::exp(9.) + std::exp(8.) + std::exp(7.) + std::exp(6.) + std::exp(5.) + 5;
  for (const int truth : {0, 4, 5, 10}) score.add(truth, logits);
  EXPECT_EQ(score.hits(0), 1);
  EXPECT_EQ(score.pictures(4), 1);
  EXPECT_EQ(score.claims(0), 3);
  score.add(7,
            std::vector<float>(11, -2.0f));  // all alike: none is larger than the truth's, the first is the prediction
  EXPECT_EQ(score.claims(0), 4);
  const auto json = to_json({score})["head"];
  EXPECT_NEAR(json["loss"].get<double>(), (4 * std::log(sum) - 10 - 6 - 5 - 0 + std::log(11.)) / 5, 1e-12);
  EXPECT_DOUBLE_EQ(json["top5"].get<double>(), 3. / 5);
  HeadScore few = empty_scores({{"head", 10}})[0];
  few.add(3, std::vector<float>{1e30f, 0, 0, 2e30f, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(to_json({few})["head"]["loss"], 0);
  EXPECT_FALSE(to_json({few})["head"].contains("top5"));
  EXPECT_FALSE(to_json({score_of(2, {{0, 0}})})["head"].contains("loss"));
}

}  // namespace
}  // namespace pc::evaluate
