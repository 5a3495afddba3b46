// From answers to a calibration: each head from its own labels, votes as the calibrated model names them, and how many
// images a limit of novelty needs.
#include "tools/evaluate/fit_calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/random.h"

namespace pc::evaluate {
namespace {

ModelInfo two_heads() {
  ModelInfo info;
  info.heads = {{"kind", {"a", "b"}}, {"color", {"red", "green", "blue"}}};
  return info;
}

// n pictures; every fourth has no kind. Most labels are what the logits say.
LabeledLogits answers(int n) {
  LabeledLogits all;
  for (int i = 0; i < n; ++i) {
    const auto value = [&](uint64_t what) { return 6 * uniform(philox(5, uint64_t(i), what).word[0]); };
    const predict::Logits logits{{value(0), value(1)}, {value(2), value(3), value(4)}};
    std::vector<int32_t> labels;
    for (const auto& z : logits) labels.push_back(int32_t(std::max_element(z.begin(), z.end()) - z.begin()));
    if (i % 5 == 0) labels[1] = (labels[1] + 1) % 3;
    if (i % 9 == 0) labels[0] = 1 - labels[0];
    if (i % 4 == 0) labels[0] = -1;
    all.add(logits, labels);
  }
  return all;
}

TEST(FitCalibration, TakesEachHeadFromItsOwnLabels) {
  ModelInfo info = two_heads();
  const LabeledLogits all = answers(120);
  fit_calibration(info, all);
  ASSERT_TRUE(info.calibration);
  for (std::size_t h = 0; h < 2; ++h) {
    Evidence evidence;
    std::vector<Vote> votes;
    for (std::size_t i = 0; i < 120; ++i)
      if (const int32_t truth = all.labels[i][h]; truth >= 0) {
        evidence.logits.push_back(all.logits[i][h]);
        evidence.labels.push_back(truth);
      }
    ASSERT_EQ(evidence.labels.size(), h == 0 ? 90u : 120u);
    const HeadCalibration& head = info.calibration->heads[h];
    EXPECT_EQ(head.temperature, fit_temperature(evidence));
    for (std::size_t i = 0; i < evidence.labels.size(); ++i) {
      const std::vector<float>& z = evidence.logits[i];
      const auto named = int32_t(std::max_element(z.begin(), z.end()) - z.begin());
      votes.push_back({.label = named,
                       .p = probabilities(z, head.temperature)[std::size_t(named)],
                       .correct = named == evidence.labels[i]});
    }
    ASSERT_EQ(head.thresholds.size(), 3u);
    for (std::size_t t = 0; t < 3; ++t) {
      const int percent = std::vector{90, 95, 99}[t];
      EXPECT_EQ(head.thresholds[t].percent, percent);
      EXPECT_EQ(head.thresholds[t].of_label, label_thresholds(votes, h == 0 ? 2 : 3, percent));
    }
  }
  ASSERT_TRUE(info.calibration->novelty);
  EXPECT_EQ(info.calibration->novelty->head, 1u) << "that of most labels";
  int beyond = 0;
  for (const auto& logits : all.logits)
    beyond += novelty(*info.calibration->novelty, logits) > info.calibration->novelty->limit;
  EXPECT_EQ(beyond, 1) << "1 % of 120";
}

TEST(FitCalibration, ALimitOfNoveltyNeedsAHundredImages) {
  ModelInfo few = two_heads(), enough = two_heads();
  fit_calibration(few, answers(99));
  fit_calibration(enough, answers(100));
  EXPECT_FALSE(few.calibration->novelty);
  EXPECT_TRUE(enough.calibration->novelty);
}

TEST(FitCalibration, KeepsWhatIsKnownOfHeadsWithoutALabel) {
  ModelInfo info = two_heads();
  info.calibration = Calibration{
      .heads = {{.temperature = 3, .thresholds = {{90, {0.25, 0.5}}}}, {.temperature = 3, .thresholds = {}}},
      .novelty = NoveltyRule{.head = 0, .directions = {{1, 0}, {0.6f, 0.8f}}, .limit = 2}};
  LabeledLogits all = answers(100);
  for (auto& labels : all.labels) labels[0] = -1;
  fit_calibration(info, all);
  const Calibration& after = *info.calibration;
  EXPECT_EQ(after.heads[0].temperature, 3);
  ASSERT_EQ(after.heads[0].thresholds.size(), 1u);
  EXPECT_EQ(after.heads[0].thresholds[0].of_label, (std::vector<double>{0.25, 0.5}));
  EXPECT_NE(after.heads[1].temperature, 3);
  EXPECT_EQ(after.heads[1].thresholds.size(), 3u);
  EXPECT_EQ(after.novelty->head, 0u);
  EXPECT_EQ(after.novelty->directions.size(), 2u) << "the idea of a product stays";
  EXPECT_LT(after.novelty->limit, 2) << "the limit is new";
}

}  // namespace
}  // namespace pc::evaluate
