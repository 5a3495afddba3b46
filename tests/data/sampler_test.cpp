// Epochs that visit rare classes more often: how often, whom, and the same everywhere.
#include "data/sampler.h"

#include <algorithm>
#include <map>

#include "make.h"
#include "tests/support.h"

namespace pc::data {
namespace {

// Classes 0, 2 and 3 of 90, 9 and 1 samples, none of class 1, and 20 without a label.
std::vector<int32_t> uneven() {
  std::vector<int32_t> labels;
  for (const auto& [label, n] : {std::pair(0, 90), {-1, 20}, {2, 9}, {3, 1}})
    labels.insert(labels.end(), std::size_t(n), label);
  return labels;
}

std::map<int32_t, int> visits_by_class(const std::vector<uint32_t>& order) {
  const auto labels = uneven();
  std::map<int32_t, int> visits;
  for (const uint32_t i : order) ++visits[labels[i]];
  return visits;
}

TEST(Sampling, NoneVisitsEverySampleOnce) {
  EXPECT_EQ(epoch_order(uneven(), Sampling::none, 3, 4), epoch_order(120, 3, 4));
}

TEST(Sampling, BalancedVisitsEveryClassEquallyOften) {
  const auto order = epoch_order(uneven(), Sampling::balanced, 3, 4);
  EXPECT_EQ(order.size(), 120u);
  EXPECT_EQ(visits_by_class(order), (std::map<int32_t, int>{{-1, 20}, {0, 33}, {2, 34}, {3, 33}}));
}

TEST(Sampling, SqrtGoesByTheSquareRoot) {
  // 100 visits by sqrt(90), 3, 1 of 13.487: 70.3, 22.2, 7.4.
  EXPECT_EQ(visits_by_class(epoch_order(uneven(), Sampling::sqrt, 3, 4)),
            (std::map<int32_t, int>{{-1, 20}, {0, 70}, {2, 23}, {3, 7}}));
}

TEST(Sampling, SamplesOfAClassTakeTurns) {
  std::vector<int> visits(120);
  for (const uint32_t i : epoch_order(uneven(), Sampling::balanced, 3, 4)) ++visits[i];
  for (uint32_t i = 0; i < 90; ++i) EXPECT_LE(visits[i], 1) << i;  // 33 visits to 90 samples
  for (uint32_t i = 90; i < 110; ++i) EXPECT_EQ(visits[i], 1) << i;
  for (uint32_t i = 110; i < 119; ++i) EXPECT_TRUE(visits[i] == 3 || visits[i] == 4) << i;  // 34 visits to 9
  EXPECT_EQ(visits[119], 33);
}

TEST(Sampling, AnotherEpochVisitsOthers) {
  std::vector<bool> seen(90);
  for (uint64_t epoch = 0; epoch < 30; ++epoch)
    for (const uint32_t i : epoch_order(uneven(), Sampling::balanced, 3, epoch))
      if (i < 90) seen[i] = true;
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 90);
  EXPECT_NE(epoch_order(uneven(), Sampling::balanced, 3, 0), epoch_order(uneven(), Sampling::balanced, 4, 0));
}

TEST(Sampling, WithoutAnyLabelEverySampleIsVisitedOnce) {
  auto order = epoch_order(std::vector<int32_t>{-1, -1, -1}, Sampling::sqrt, 1, 1);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, (std::vector<uint32_t>{0, 1, 2}));
}

// Written down once: a change breaks every run that is resumed.
TEST(Sampling, IsTheSameOnEveryMachine) {
  EXPECT_EQ(epoch_order(std::vector<int32_t>{0, 0, 0, 0, 1, -1}, Sampling::balanced, 1, 0),
            (std::vector<uint32_t>{5, 4, 2, 4, 3, 1}));
}

TEST(Sampling, NamesAreChecked) {
  EXPECT_EQ(sampling_from_name("sqrt"), Sampling::sqrt);
  EXPECT_EQ(test::error_of([] { sampling_from_name("root"); }),
            "2: sampling \"root\": requires none, sqrt or balanced");
}

}  // namespace
}  // namespace pc::data
