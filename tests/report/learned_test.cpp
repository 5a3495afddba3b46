// When a run is said to have learned nothing; the intervals are those of statsmodels' proportion_confint(method="wilson").
#include "tools/report/learned.h"

#include <gtest/gtest.h>

namespace pc::report {
namespace {

// Two classes; confusion[truth][answer].
evaluate::HeadScore score_of(int64_t aa, int64_t ab, int64_t ba, int64_t bb) {
  return {.name = "kind", .classes = 2, .confusion = {aa, ab, ba, bb}};
}
const std::vector<std::string> kNames{"shoe", "hat\x1b[31m"};

TEST(Learned, OneAnswerForAllIsNamed) {
  EXPECT_EQ(no_better_than_one_answer(score_of(14, 0, 20, 0), {"t-shirt", "hat"}),
            "kind: accuracy 41.2 % is no better than always answering \"hat\" (58.8 %)");
  EXPECT_EQ(no_better_than_one_answer(score_of(20, 0, 14, 0), kNames),
            "kind: accuracy 58.8 % is no better than always answering \"shoe\" (58.8 %)");
  EXPECT_EQ(no_better_than_one_answer(score_of(0, 14, 0, 20), kNames),
            "kind: accuracy 58.8 % is no better than always answering \"hat\\x1b[31m\" (58.8 %)");
}

TEST(Learned, GuessingIsNotClearlyBetter) {
  // 53 of 100 where 50 are of one class: 0.4329 … 0.6249. 70 of 100: 0.6042 … 0.7811.
  EXPECT_EQ(no_better_than_one_answer(score_of(26, 24, 23, 27), kNames),
            "kind: accuracy 53.0 % is not clearly better than always answering \"shoe\" (50.0 %)");
  EXPECT_EQ(no_better_than_one_answer(score_of(35, 15, 15, 35), kNames), "");  // 0.6042 … 0.7811
  EXPECT_EQ(no_better_than_one_answer(score_of(34, 16, 15, 35), kNames),       // 0.5937 … 0.7722
            "kind: accuracy 69.0 % is little better than always answering \"shoe\" (50.0 %)");
  EXPECT_EQ(no_better_than_one_answer(score_of(100, 0, 0, 900), kNames), "") << "half of what is left is enough";
}

TEST(Learned, FewPicturesAllCorrectAreEnough) {
  EXPECT_EQ(no_better_than_one_answer(score_of(3, 0, 0, 3), kNames), "");  // 0.6097 … 1
  EXPECT_EQ(no_better_than_one_answer(score_of(0, 0, 0, 0), kNames), "") << "nothing was measured";
}

}  // namespace
}  // namespace pc::report
