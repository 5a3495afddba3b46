// What a map of classes makes of answers: counted by hand.
#include "tools/report/score_page.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pc {
namespace {

// Labels 0 … 3; class 0 may be called 0 or 1, class 1 only 1, class 2 by 2; nothing is called 3.
const std::vector<std::vector<int32_t>> kCorrect = {{0, 1}, {1}, {2}};

std::vector<float> logits_of(const std::vector<double>& p) {
  std::vector<float> logits;
  for (const double value : p) logits.push_back(float(std::log(value)));
  return logits;
}

TEST(ScorePage, AnAnswerIsTheClassItIsRightFor) {
  const auto logits = logits_of({0.1, 0.6, 0.2, 0.1});
  const Tested either = tested_by_map(5, logits, 0, kCorrect, 1);
  EXPECT_EQ(either.item, 5u);
  EXPECT_EQ(either.truth, 0);
  EXPECT_EQ(either.answer, 0) << "label 1 is right for class 0 too";
  EXPECT_EQ(either.label, 1);
  EXPECT_NEAR(either.p, 0.6, 1e-6);
  EXPECT_NEAR(either.p_truth, 0.7, 1e-6) << "both labels are right";
  EXPECT_NEAR(either.loss, -std::log(0.7), 1e-6);
  EXPECT_EQ(tested_by_map(0, logits, 1, kCorrect, 1).answer, 1);
  EXPECT_EQ(tested_by_map(0, logits, 2, kCorrect, 1).answer, 0) << "the first class that it is right for";
  EXPECT_NEAR(tested_by_map(0, logits, 2, kCorrect, 1).p_truth, 0.2, 1e-6);
}

TEST(ScorePage, AnAnswerThatIsRightForNothingIsBeyondTheClasses) {
  EXPECT_EQ(tested_by_map(0, logits_of({0.1, 0.1, 0.1, 0.7}), 2, kCorrect, 1).answer, 3);
  const Tested far = tested_by_map(0, std::vector<float>{-2000, -2000, 0, 0}, 0, kCorrect, 1);
  EXPECT_EQ(far.p_truth, 0);
  EXPECT_TRUE(std::isfinite(far.loss));
}

}  // namespace
}  // namespace pc
