// The learning-rate finder on losses whose best rates are known.
#include "tools/train/lr_find.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/base/error.h"

namespace pc::report {
namespace {

TEST(LrFind, RisesEvenlyFromAMillionthToTen) {
  const auto probes = train::probe_rates(8, [](double) { return 1.0; });
  ASSERT_EQ(probes.size(), 8u);
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(probes[std::size_t(i)].lr, std::pow(10, i - 6), 1e-12 * std::pow(10, i));
  for (const train::LrProbe& p : probes) EXPECT_NEAR(p.smooth, 1, 1e-12) << "an average of ones";
}

// A bell upside down, deepest at a rate of 0.1 and steepest 0.7 decades before. The running average lags behind by up
// to half a decade.
TEST(LrFind, FindsTheSteepestAndTheLeast) {
  const auto bell = [](double lr) { return 2 - std::exp(-std::pow(std::log10(lr) + 1, 2)); };
  const auto found = train::suggest_rate(train::probe_rates(200, bell));
  ASSERT_TRUE(found);
  EXPECT_GT(found->steepest, 0.02);
  EXPECT_LT(found->steepest, 0.063);
  EXPECT_GT(found->tenth, 0.01);
  EXPECT_LT(found->tenth, 0.032);
}

TEST(LrFind, EndsWhereTheLossBreaksDown) {
  const auto blown = train::probe_rates(100, [](double lr) { return lr < 1e-2 ? 1.0 : 1e6; });
  EXPECT_GT(blown.back().loss, 1e5);
  EXPECT_LT(blown.size(), 60u) << "far from its hundred steps";
  const auto undefined = train::probe_rates(100, [](double lr) { return lr < 1e-2 ? 1.0 : NAN; });
  EXPECT_EQ(undefined.back().loss, 1) << "what is not finite is no probe";
  const auto refused =
      train::probe_rates(100, [](double lr) { return lr < 1e-2 ? 1.0 : throw Error(Exit::numeric, "not finite"); });
  EXPECT_EQ(refused.size(), undefined.size());
  EXPECT_THROW(train::probe_rates(100, [](double) -> double { throw Error(Exit::data, "broken image"); }), Error);
}

TEST(LrFind, SuggestsNothingWhereTheLossNeverFell) {
  EXPECT_FALSE(train::suggest_rate({}));
  EXPECT_FALSE(train::suggest_rate(train::probe_rates(50, [](double lr) { return 1 + lr; })));
}

}  // namespace
}  // namespace pc::report
