// Learning rates: one-cycle against torch's OneCycleLR, cosine and constant against their formulas.
#include "engine/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <tuple>

#include "kernels/base/error.h"
#include "tests/engine/golden.h"
#include "tests/support.h"

namespace pc {
namespace {

TEST(Schedule, OneCycleFollowsTorch) {
  for (const auto& golden : test::engine_golden().at("one_cycle")) {
    const Schedule schedule{
        .kind = "one_cycle", .peak = golden["peak"], .steps = golden["steps"], .warm_up = golden["warm_up"]};
    for (int64_t s = 0; s < schedule.steps; ++s) {
      const double want = golden["rates"][std::size_t(s)];
      EXPECT_NEAR(schedule.at(s), want, 1e-6 * want + 1e-9) << "step " << s << " of " << schedule.steps;
    }
  }
}

// torch's formula where the rise takes half a step, one step, two: its peak lies at warm_up * steps - 1, between steps or on one.
TEST(Schedule, OneCycleWithAShortRise) {
  constexpr double kPeak = 2, kStart = kPeak / 25, kEnd = kStart / 1e4;
  for (const auto& [steps, warm_up] : {std::pair(6, 0.25f), std::pair(8, 0.25f), std::pair(12, 0.25f)}) {
    const double top = warm_up * steps - 1;
    for (int s = 0; s < steps; ++s) {
      const double rise = (1 - std::cos(std::numbers::pi * s / top)) / 2;
      const double fall = (1 - std::cos(std::numbers::pi * (s - top) / (steps - 1 - top))) / 2;
      EXPECT_NEAR((Schedule{.kind = "one_cycle", .peak = float(kPeak), .steps = steps, .warm_up = warm_up}.at(s)),
                  s <= top ? kStart + (kPeak - kStart) * rise : kPeak + (kEnd - kPeak) * fall, 1e-6)
          << s << " of " << steps;
    }
  }
}

// A line up to the peak in the first floor(warm_up * steps) steps, then half a cosine that would be 0 a step after the last.
TEST(Schedule, CosineFollowsItsFormula) {
  for (const auto& [steps, warm_up, rise] :
       {std::tuple(100, 0.25f, 25), std::tuple(10, 0.25f, 2), std::tuple(7, 0.5f, 3), std::tuple(10, 0.0f, 0),
        std::tuple(5, 1.0f, 5), std::tuple(1, 0.9f, 0)})
    for (int s = 0; s < steps; ++s) {
      const double fall = double(s - rise) / std::max(1, steps - rise);
      const double want = s < rise ? 2.0 * (s + 1) / rise : 1 + std::cos(std::numbers::pi * fall);
      EXPECT_NEAR((Schedule{.kind = "cosine", .peak = 2, .steps = steps, .warm_up = warm_up}.at(s)), want, 1e-6)
          << s << " of " << steps;
    }
}

// torch's has no such case: without a rise the first step is the peak, and the last one the rate that it always ends with.
TEST(Schedule, OneCycleWithoutARiseOnlyFalls) {
  const double end = 3 / 250000.0;
  for (const float warm_up : {0.0f, 0.125f})
    for (int s = 0; s < 8; ++s)
      EXPECT_NEAR((Schedule{.kind = "one_cycle", .peak = 3, .steps = 8, .warm_up = warm_up}.at(s)),
                  end + (3 - end) / 2 * (1 + std::cos(std::numbers::pi * s / 7)), 1e-6)
          << s;
  EXPECT_FLOAT_EQ((Schedule{.kind = "one_cycle", .peak = 3, .steps = 1, .warm_up = 1}.at(0)), 3);
}

TEST(Schedule, ConstantStays) {
  const Schedule schedule{.kind = "constant", .peak = 0.5f, .steps = 10};
  EXPECT_EQ(schedule.at(0), 0.5f);
  EXPECT_EQ(schedule.at(9), 0.5f);
}

// No run asks for such a step; if one did, it would change as little as the last.
TEST(Schedule, PastTheLastStepTheRateStaysAtItsEnd) {
  for (const int64_t step : {20, 21, 25, 40}) {
    EXPECT_EQ((Schedule{.kind = "cosine", .peak = 2, .steps = 20, .warm_up = 0.25f}.at(step)), 0) << step;
    EXPECT_FLOAT_EQ((Schedule{.kind = "one_cycle", .peak = 2, .steps = 20, .warm_up = 0.25f}.at(step)), 2 / 25e4f);
  }
}

// Tiny runs have no room for a rise; every rate must still be a usable number.
TEST(Schedule, ShortRunsStayFiniteAndPositive) {
  for (const char* kind : {"one_cycle", "cosine", "constant"})
    for (int64_t steps = 1; steps <= 6; ++steps)
      for (float warm_up : {0.0f, 0.25f, 1.0f})
        for (int64_t s = 0; s < steps; ++s) {
          const float rate = Schedule{.kind = kind, .peak = 1, .steps = steps, .warm_up = warm_up}.at(s);
          EXPECT_TRUE(rate > 0 && rate <= 1)
              << kind << " step " << s << " of " << steps << ", warm-up " << warm_up << ": " << rate;
        }
}

TEST(Schedule, AnUnknownKindNamesTheKnownOnes) {
  EXPECT_EQ(test::error_of([] { Schedule{.kind = "step"}.at(0); }),
            "2: unknown schedule \"step\"; use one_cycle, cosine or constant");
}

}  // namespace
}  // namespace pc
