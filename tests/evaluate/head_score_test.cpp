// Scores by hand: accuracy, macro-F1 over the classes that occur, the majority baseline.
#include "tools/evaluate/head_score.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pc::evaluate {
namespace {

HeadScore score_of(int classes, const std::vector<std::pair<int, int>>& truth_and_prediction) {
  HeadScore score{
      .name = "head", .classes = classes, .confusion = std::vector<int64_t>(std::size_t(classes * classes))};
  for (const auto& [truth, prediction] : truth_and_prediction) score.add(truth, prediction);
  return score;
}

TEST(HeadScore, CountsByHand) {
  // Class 0: 3 pictures, 2 found, 1 wrongly claimed: F1 = 2*2/(3+3). Class 1: 2 pictures, 1 found, 1 claimed wrongly: F1 = 2*1/(2+2).
  const HeadScore s = score_of(2, {{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}});
  EXPECT_EQ(s.n(), 5);
  EXPECT_DOUBLE_EQ(s.accuracy(), 0.6);
  EXPECT_DOUBLE_EQ(s.macro_f1(), (4.0 / 6 + 2.0 / 4) / 2);
  EXPECT_DOUBLE_EQ(s.majority(), 0.6);
}

TEST(HeadScore, ClassesWithoutPicturesDoNotCount) {
  const HeadScore s = score_of(4, {{0, 0}, {3, 3}});
  EXPECT_DOUBLE_EQ(s.macro_f1(), 1.0);
}

TEST(HeadScore, NothingToScore) {
  const HeadScore s = score_of(3, {});
  EXPECT_EQ(s.accuracy(), 0);
  EXPECT_EQ(s.macro_f1(), 0);
  EXPECT_EQ(s.majority(), 0);
}

// Two true classes, three predictions: 0 is right for the first class, 0 and 1 for the second.
TEST(HeadScore, SeveralPredictionsMayBeRight) {
  HeadScore s{.name = "head", .classes = 3, .confusion = std::vector<int64_t>(6), .correct = {{0}, {0, 1}}};
  for (const auto& [truth, prediction] : {std::pair{0, 0}, {0, 1}, {0, 2}, {0, 0}, {1, 0}, {1, 1}})
    s.add(truth, prediction);
  EXPECT_EQ(s.pictures(0), 4);
  EXPECT_EQ(s.hits(0), 2);
  EXPECT_EQ(s.claims(0), 0);  // the second class may be called 0
  EXPECT_EQ(s.claims(1), 1);
  EXPECT_DOUBLE_EQ(s.accuracy(), 4.0 / 6);
  EXPECT_DOUBLE_EQ(s.macro_recall(), 0.75);
  EXPECT_DOUBLE_EQ(s.macro_f1(), (4.0 / 6 + 4.0 / 5) / 2);
  EXPECT_DOUBLE_EQ(s.majority(), 1);  // always naming 0
}

TEST(HeadScore, NothingCountedIsBlank) {
  const auto json = to_json({score_of(2, {})})["head"];
  for (const char* key : {"accuracy", "low", "high", "macro_f1", "majority"}) EXPECT_TRUE(json[key].is_null()) << key;
  EXPECT_EQ(json["n"], 0);
  EXPECT_NE(to_table({score_of(2, {})}).find("        -  -"), std::string::npos);
}

}  // namespace
}  // namespace pc::evaluate
