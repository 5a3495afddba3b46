// Learning rates: one-cycle against torch's OneCycleLR, cosine and constant against their formulas.
#include "engine/schedule.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/engine/golden.h"

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

TEST(Schedule, CosineRisesThenFalls) {
  const Schedule schedule{.kind = "cosine", .peak = 2, .steps = 100, .warm_up = 0.1f};
  EXPECT_FLOAT_EQ(schedule.at(0), 0.2f);
  EXPECT_FLOAT_EQ(schedule.at(4), 1);
  EXPECT_FLOAT_EQ(schedule.at(9), 2);
  EXPECT_FLOAT_EQ(schedule.at(10), 2);
  EXPECT_FLOAT_EQ(schedule.at(55), 1);
  EXPECT_GT(schedule.at(99), 0);
  EXPECT_LT(schedule.at(99), 0.001f);
  for (int64_t s = 11; s < 100; ++s) EXPECT_LT(schedule.at(s), schedule.at(s - 1));
}

TEST(Schedule, CosineWithoutWarmUpStartsAtThePeak) {
  EXPECT_FLOAT_EQ((Schedule{.kind = "cosine", .peak = 3, .steps = 10, .warm_up = 0}.at(0)), 3);
}

TEST(Schedule, ConstantStays) {
  const Schedule schedule{.kind = "constant", .peak = 0.5f, .steps = 10};
  EXPECT_EQ(schedule.at(0), 0.5f);
  EXPECT_EQ(schedule.at(9), 0.5f);
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
  try {
    Schedule{.kind = "step"}.at(0);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Exit::usage);
    EXPECT_STREQ(e.what(), "unknown schedule \"step\"; use one_cycle, cosine or constant");
  }
}

}  // namespace
}  // namespace pc
