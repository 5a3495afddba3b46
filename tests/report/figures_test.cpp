// Figures of a handful of answers, counted by hand.
#include "tools/report/figures.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pc::report {
namespace {

TestedHead head_of(int classes, const std::vector<std::tuple<int, int, double>>& truth_answer_p) {
  TestedHead head;
  head.score.classes = classes;
  for (int c = 0; c < classes; ++c) head.classes.push_back(std::string(1, char('a' + c)));
  head.score.confusion.resize(std::size_t(classes * classes));
  for (const auto& [truth, answer, p] : truth_answer_p) {
    const auto item = uint32_t(head.pictures.size());
    const double p_truth = truth == answer ? p : (1 - p) / 2;
    head.pictures.push_back({item, truth, answer, answer, p, p, p_truth, -std::log(p_truth)});
    head.score.add(truth, answer);
  }
  return head;
}

// Class 2 has most pictures, class 3 none; class 0 is named twice, once wrongly.
const TestedHead& sample() {
  static const TestedHead head =
      head_of(4, {{0, 0, 0.9}, {1, 0, 0.6}, {2, 2, 0.95}, {2, 2, 0.5}, {2, 1, 0.7}, {1, 2, 0.99}, {2, 1, 0.4}});
  return head;
}

TEST(Figures, OfAPictureComeFromItsLogits) {
  const std::vector<float> logits{1, 3, 2};
  const double sum = std::exp(1.0) + std::exp(3.0) + std::exp(2.0);
  const Tested t = tested(7, logits, 2, 2);
  EXPECT_EQ(t.item, 7u);
  EXPECT_EQ(t.answer, 1);
  EXPECT_NEAR(t.p, std::exp(3.0) / sum, 1e-12);
  EXPECT_NEAR(t.p_truth, std::exp(2.0) / sum, 1e-12);
  EXPECT_NEAR(t.loss, -std::log(std::exp(2.0) / sum), 1e-12);
  EXPECT_NEAR(t.tempered, std::exp(1.5) / (std::exp(0.5) + std::exp(1.5) + std::exp(1.0)), 1e-12);
  const Tested far = tested(0, std::vector<float>{1000, -1000}, 1, 1);
  EXPECT_EQ(far.p, 1);
  EXPECT_EQ(far.loss, 2000) << "no infinity on the way";
}

// Three images of two heads; the second has no label of the first image.
TEST(Figures, OfATestPassCountImagesWithoutALabel) {
  ModelInfo info;
  info.heads = {{"a", {"x", "y"}}, {"b", {"x", "y", "z"}}};
  evaluate::LabeledLogits answered;
  answered.add({{0, 1}, {0, 0, 1}}, {0, -1});
  answered.add({{1, 0}, {0, 1, 0}}, {0, 2});
  answered.add({{0, 1}, {0, 1, 0}}, {1, 1});
  const std::vector<uint32_t> items{7, 3, 9};
  const auto heads = test_pass(info, answered, items);
  ASSERT_EQ(heads.size(), 2u);
  EXPECT_EQ(heads[0].score.unknown, 0);
  EXPECT_EQ(heads[1].score.unknown, 1);
  EXPECT_EQ(heads[0].score.confusion, (std::vector<int64_t>{1, 1, 0, 1})) << "a row is a truth";
  EXPECT_EQ(heads[1].score.confusion, (std::vector<int64_t>{0, 0, 0, 0, 1, 0, 0, 1, 0}));
  ASSERT_EQ(heads[1].pictures.size(), 2u);
  EXPECT_EQ(heads[1].pictures[0].item, 3u);
  EXPECT_EQ(heads[1].pictures[0].truth, 2);
  EXPECT_EQ(heads[1].pictures[0].answer, 1);
}

TEST(Figures, OfClassesAreBlankWhereNothingWasCounted) {
  const auto classes = class_figures(sample());
  ASSERT_EQ(classes.size(), 4u);
  EXPECT_EQ(classes[0].label, 2);
  EXPECT_EQ(classes[0].n, 4);
  EXPECT_DOUBLE_EQ(*classes[0].precision(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(*classes[0].recall(), 2.0 / 4);
  EXPECT_DOUBLE_EQ(*classes[0].f1(), 2 * 2.0 / (4 + 3));
  EXPECT_EQ(classes[3].label, 3);
  EXPECT_FALSE(classes[3].precision() || classes[3].recall() || classes[3].f1());
  double macro = 0;
  for (const ClassFigures& c : classes) macro += c.f1().value_or(0) / 3;
  EXPECT_DOUBLE_EQ(macro, sample().score.macro_f1()) << "the table agrees with the score";
}

TEST(Figures, PairsAreTheMostFrequentFirst) {
  const auto pairs = pair_counts(sample());
  int64_t all = 0;
  for (const PairCount& pair : pairs) all += pair.count;
  EXPECT_EQ(all, 7);
  EXPECT_EQ(pairs[0].count, 2);
  EXPECT_EQ(pairs[0].truth, 2);
  EXPECT_EQ(pairs[0].answer, 1);
  EXPECT_EQ(pairs[1].answer, 2);
  EXPECT_EQ(pairs[1].truth, 2);
  EXPECT_EQ(pairs[2].truth, 0) << "of equal counts the first label";
}

TEST(Figures, ConfusionFoldsTheRareClasses) {
  const FoldedConfusion whole = fold_confusion(sample(), 4);
  EXPECT_FALSE(whole.folded);
  EXPECT_EQ(whole.labels, (std::vector<int>{2, 1, 0, 3}));
  EXPECT_EQ(whole.counts, (std::vector<std::vector<int64_t>>{{2, 2, 0, 0}, {1, 0, 1, 0}, {0, 0, 1, 0}, {0, 0, 0, 0}}));
  const FoldedConfusion folded = fold_confusion(sample(), 1);
  EXPECT_TRUE(folded.folded);
  EXPECT_EQ(folded.labels, std::vector<int>{2});
  EXPECT_EQ(folded.counts, (std::vector<std::vector<int64_t>>{{2, 2}, {1, 2}}));
}

TEST(Figures, BinsAndCalibrationError) {
  const auto bins = probability_bins(head_of(2, {{0, 0, 1.0}, {0, 0, 0.9}, {1, 0, 0.9}, {1, 1, 0.6}}), 4, &Tested::p);
  ASSERT_EQ(bins.size(), 4u);
  EXPECT_EQ(bins[0].n, 0);
  EXPECT_EQ(bins[3].n, 3) << "1 belongs to the last bin";
  EXPECT_NEAR(bins[3].p, 2.8 / 3, 1e-12);
  EXPECT_NEAR(bins[3].accuracy, 2.0 / 3, 1e-12);
  EXPECT_NEAR(calibration_error(bins), (3 * (2.8 / 3 - 2.0 / 3) + 1 * 0.4) / 4, 1e-12);
  EXPECT_EQ(calibration_error({}), 0);
}

TEST(Figures, CoverageBeginsWithTheSurest) {
  const auto curve = coverage_curve(sample(), 100);
  ASSERT_EQ(curve.size(), 7u);
  EXPECT_EQ(curve[0].y, 0) << "the surest answer, 0.99, is wrong";
  EXPECT_DOUBLE_EQ(curve[1].y, 0.5);
  EXPECT_DOUBLE_EQ(curve[6].x, 1);
  EXPECT_DOUBLE_EQ(curve[6].y, sample().score.accuracy());
  const auto two = coverage_curve(sample(), 2);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_DOUBLE_EQ(two[0].x, 3.0 / 7);
  EXPECT_DOUBLE_EQ(two[0].y, 2.0 / 3) << "of 0.99, 0.95 and 0.9 the first is wrong";
  EXPECT_TRUE(coverage_curve(head_of(2, {}), 10).empty());
}

TEST(Figures, HighestLossesFirst) {
  const auto worst = highest_losses(sample(), 2);
  ASSERT_EQ(worst.size(), 2u);
  EXPECT_EQ(worst[0].item, 5u);
  EXPECT_EQ(worst[1].item, 4u);
  EXPECT_EQ(highest_losses(sample(), 100).size(), 7u);
}

}  // namespace
}  // namespace pc::report
