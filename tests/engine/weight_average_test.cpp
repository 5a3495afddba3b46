// Running averages of weights: every member, statistics included, and the 16-bit copies dropped.
#include "engine/weight_average.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace pc {
namespace {

class Two : public Module {
 public:
  Two(float weight, float statistic, int64_t size = 5)
      : weight_(Tensor::full({size}, weight, Device::cpu), true),
        statistic_(Tensor::full({3}, statistic, Device::cpu)) {}
  void visit(const std::string& prefix, const Visitor& visitor) override {
    visitor(join(prefix, "weight"), weight_, Role::parameter);
    visitor(join(prefix, "running_mean"), statistic_, Role::buffer);
  }
  Var weight_, statistic_;
};

TEST(WeightAverage, MovesEveryMemberByTheShare) {
  Two now(2, 8), average(0, 0);
  average_members(now, average, 0.25f);
  EXPECT_EQ(average.weight_.value().to_vector<float>(), std::vector<float>(5, 0.5f));
  EXPECT_EQ(average.statistic_.value().to_vector<float>(), std::vector<float>(3, 2.0f));
  EXPECT_EQ(now.weight_.value().to_vector<float>(), std::vector<float>(5, 2.0f));
}

TEST(WeightAverage, ACopyHasItsOwnMemory) {
  Two now(2, 8), average(0, 0);
  copy_members(now, average);
  EXPECT_EQ(average.statistic_.value().to_vector<float>(), std::vector<float>(3, 8.0f));
  EXPECT_NE(average.weight_.value().as<float>(), now.weight_.value().as<float>());
}

TEST(WeightAverage, DropsThe16BitCopy) {
  Two now(2, 8), average(0, 0);
  average.weight_.as(DType::bf16);
  average_members(now, average, 1);
  EXPECT_TRUE(average.weight_.low().empty());
}

TEST(WeightAverage, RefusesAnotherModel) {
  Two now(2, 8, 4), average(0, 0);
  EXPECT_THROW(average_members(now, average, 1), std::logic_error);
}

}  // namespace
}  // namespace pc
