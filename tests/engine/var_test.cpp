// Var and backward: sums at forks, several losses, freed records, frozen leaves, very deep graphs.
#include "engine/var.h"

#include <gtest/gtest.h>

#include <memory>

namespace pc {
namespace {

Var leaf(float value, bool trainable = true) { return Var(Tensor::full({}, value, Device::cpu), trainable); }
float number(const Tensor& t) { return t.item(); }

// y = factor * x; counts how often its rule runs.
Var scale(const Var& x, float factor, int* runs = nullptr) {
  return Var::record("scale", Tensor::full({}, factor * x.value().item(), Device::cpu), {x}, [=](const Tensor& dy) {
    if (runs) ++*runs;
    return std::vector<Tensor>{Tensor::full({}, factor * dy.item(), Device::cpu)};
  });
}

// y = a + b; its rule hands back dy itself, twice.
Var plus(const Var& a, const Var& b) {
  return Var::record("plus", Tensor::full({}, a.value().item() + b.value().item(), Device::cpu), {a, b},
                     [](const Tensor& dy) {
                       return std::vector<Tensor>{dy, dy};
                     });
}

TEST(Var, GradientsOfAForkAreSummed) {
  Var x = leaf(3);
  plus(plus(scale(x, 2), scale(x, 5)), x).backward();
  EXPECT_EQ(number(x.grad()), 8);
}

TEST(Var, ARuleMayReturnDyItselfForTwoInputs) {
  Var a = leaf(1), b = leaf(2);
  Var sum = plus(a, b);
  plus(scale(sum, 3), scale(a, 10)).backward();
  EXPECT_EQ(number(a.grad()), 13);  // adding to a's gradient must not touch b's, though both began as the same dy
  EXPECT_EQ(number(b.grad()), 3);
}

TEST(Var, OneInputTwice) {
  Var x = leaf(1);
  Var twice = plus(x, x);
  plus(twice, twice).backward();
  EXPECT_EQ(number(x.grad()), 4);
}

// y = factor * x; its rule adds to the sum that it finds, and notes the memory of what it found.
Var scale_adding(const Var& x, float factor, const void** found) {
  return Var::record("scale", Tensor::full({}, factor * x.value().item(), Device::cpu), {x}, [=](const Tensor& dy) {
    Tensor sum = x.take_partial_grad();
    *found = sum.data();
    if (sum.empty()) sum = Tensor::zeros({}, DType::f32, Device::cpu);
    *sum.as<float>() += factor * dy.item();
    return std::vector<Tensor>{sum};
  });
}

TEST(Var, ARuleMayAddToTheSumSoFar) {
  Var x = leaf(3);
  const void *first = nullptr, *second = nullptr;
  Var older = scale_adding(x, 2, &second), newer = scale_adding(x, 5, &first);
  plus(scale(older, 10), newer).backward();
  EXPECT_EQ(number(x.grad()), 25);
  EXPECT_EQ(first, nullptr);
  EXPECT_EQ(second, x.grad().data()) << "in place";
}

TEST(Var, ASumThatSomebodyElseSeesIsNotHandedOut) {
  Var a = leaf(1), b = leaf(2);
  const void* found = nullptr;
  Var older = scale_adding(a, 10, &found);
  plus(plus(a, b), older).backward();  // the older op's rule runs last; a and b hold the same dy by then
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(number(a.grad()), 11);
  EXPECT_EQ(number(b.grad()), 1);

  const Tensor kept = a.grad();
  scale_adding(a, 1, &found).backward();
  EXPECT_EQ(found, nullptr);
  EXPECT_EQ(number(kept), 11);
  EXPECT_EQ(number(a.grad()), 12);
}

TEST(Var, ARuleRunsOnceWhateverThePaths) {
  int runs = 0;
  Var x = leaf(1), y = scale(x, 2, &runs);
  Var left = y, right = y;
  for (int i = 0; i < 10; ++i) left = plus(left, right), right = plus(right, left);
  left.backward();
  EXPECT_EQ(runs, 1);
}

TEST(Var, SeveralLossesWithSeeds) {
  Var x = leaf(1), trunk = scale(x, 2);
  backward({scale(trunk, 3), scale(trunk, 5), trunk}, {1, 0.5f, 10});
  EXPECT_EQ(number(x.grad()), 2 * (3 + 2.5f + 10));
}

TEST(Var, OneLossGivenTwiceCountsTwice) {
  Var x = leaf(1), loss = scale(x, 3);
  backward({loss, loss}, {1, 4});
  EXPECT_EQ(number(x.grad()), 15);
}

TEST(Var, GradientsAddUpOverCallsUntilCleared) {
  Var x = leaf(1);
  scale(x, 2).backward();
  scale(x, 3).backward();
  EXPECT_EQ(number(x.grad()), 5);
  x.clear_grad();
  EXPECT_TRUE(x.grad().empty());
}

TEST(Var, RecordsAndWhatTheyHoldAreFreedByBackward) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> alive = held;
  Var x = leaf(1);
  Var y = Var::record("op", Tensor::full({}, 1, Device::cpu), {x},
                      [held](const Tensor& dy) { return std::vector<Tensor>{dy}; });
  held.reset();
  EXPECT_FALSE(alive.expired());
  y.backward();
  EXPECT_TRUE(alive.expired());
}

TEST(Var, InnerGradientsAreFreed) {
  Var x = leaf(1), middle = scale(x, 2);
  scale(middle, 2).backward();
  EXPECT_TRUE(middle.grad().empty());
  EXPECT_FALSE(x.grad().empty());
}

// A second walk through freed records would stop halfway and leave gradients that are silently too small.
TEST(Var, FreedRecordsCannotBeWalkedAgain) {
  Var x = leaf(1), trunk = scale(x, 2), first = scale(trunk, 3), second = scale(trunk, 5);
  first.backward();
  EXPECT_THROW(first.backward(), std::logic_error);
  EXPECT_THROW(second.backward(), std::logic_error);
}

TEST(Var, NothingIsRecordedWithoutAGradientToCompute) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> alive = held;
  const auto rule = [held](const Tensor& dy) { return std::vector<Tensor>{dy}; };
  const Var frozen = leaf(1, false);
  const Var y = Var::record("op", Tensor::full({}, 1, Device::cpu), {frozen, Var()}, rule);
  EXPECT_FALSE(y.requires_grad());
  {
    const NoGrad off;
    { const NoGrad inner; }
    EXPECT_FALSE(Var::record("op", Tensor::full({}, 1, Device::cpu), {leaf(1)}, rule).requires_grad());
  }
  EXPECT_TRUE(Var::record("op", Tensor::full({}, 1, Device::cpu), {leaf(1)}, rule).requires_grad());
  held.reset();
}

TEST(Var, FrozenLeavesGetNoGradient) {
  Var frozen = leaf(1, false), free = leaf(2);
  plus(frozen, free).backward();
  EXPECT_TRUE(frozen.grad().empty());
  EXPECT_EQ(number(free.grad()), 1);
}

TEST(Var, AnEmptyGradientEndsAPath) {
  Var a = leaf(1), b = leaf(1);
  Var::record("op", Tensor::full({}, 2, Device::cpu), {a, b}, [](const Tensor& dy) {
    return std::vector<Tensor>{{}, dy};
  }).backward();
  EXPECT_TRUE(a.grad().empty());
  EXPECT_EQ(number(b.grad()), 1);
}

TEST(Var, BackwardRefusesWhatHasNoMeaning) {
  Var vector(Tensor::zeros({2}, DType::f32, Device::cpu), true);
  EXPECT_THROW(vector.backward(), std::logic_error);
  EXPECT_THROW(leaf(1, false).backward(), std::logic_error);
  EXPECT_THROW(Var().value(), std::logic_error);
  Var x = leaf(1);
  EXPECT_THROW(
      Var::record("op", Tensor::full({}, 1, Device::cpu), {x}, [](const Tensor&) { return std::vector<Tensor>{}; })
          .backward(),
      std::logic_error);
  EXPECT_THROW(
      Var::record("op", Tensor::full({}, 1, Device::cpu), {x},
                  [](const Tensor&) { return std::vector<Tensor>{Tensor::zeros({3}, DType::f32, Device::cpu)}; })
          .backward(),
      std::logic_error);
}

TEST(Var, AGradientHasTheTypeOfItsValue) {
  Var x = leaf(1);
  Var y = Var::record("op", Tensor::full({}, 1, Device::cpu), {x},
                      [](const Tensor&) { return std::vector<Tensor>{Tensor::zeros({}, DType::bf16, Device::cpu)}; });
  EXPECT_THROW(y.backward(), std::logic_error);
}

TEST(Var, RecordsNameTheOpsOldestFirst) {
  const Var x = leaf(2), y = scale(x, 3), z = plus(y, scale(y, 2));
  const std::vector<Record> steps = records({z, y});
  ASSERT_EQ(steps.size(), 3u);  // y, its double, their sum; x is a leaf
  EXPECT_STREQ(steps[0].op, "scale");
  EXPECT_STREQ(steps[2].op, "plus");
  EXPECT_EQ(steps[2].shape, Shape{});
  EXPECT_TRUE(records({leaf(1), Var()}).empty());
}

// 300,000 ops in a row: neither walking nor freeing them may use the stack.
constexpr int kDeep = 300'000;

TEST(Var, AVeryDeepChainIsWalked) {
  Var x = leaf(1), y = x;
  for (int i = 0; i < kDeep; ++i) y = scale(y, 1);
  y.backward();
  EXPECT_EQ(number(x.grad()), 1);
}

TEST(Var, AVeryDeepChainIsFreedUnwalked) {
  std::weak_ptr<int> alive;
  {
    Var x = leaf(1);
    auto held = std::make_shared<int>(0);
    alive = held;
    Var y = Var::record("op", Tensor::full({}, 1, Device::cpu), {x},
                        [held](const Tensor& dy) { return std::vector<Tensor>{dy}; });
    for (int i = 0; i < kDeep; ++i) y = plus(y, y);
  }
  EXPECT_TRUE(alive.expired());
}

// Rules may hold Vars too.
TEST(Var, AVeryDeepChainHeldByRulesIsFreed) {
  Var x = leaf(1), y = x;
  for (int i = 0; i < kDeep; ++i)
    y = Var::record("op", Tensor::full({}, 1, Device::cpu), {x},
                    [y](const Tensor& dy) { return std::vector<Tensor>{dy}; });
  EXPECT_TRUE(y.requires_grad());
}

TEST(Var, ThePathNotTakenIsFreedWithoutTheStack) {
  Var x = leaf(1), deep = x;
  for (int i = 0; i < kDeep; ++i) deep = scale(deep, 1);
  Var y = Var::record("op", Tensor::full({}, 2, Device::cpu), {deep, x}, [](const Tensor& dy) {
    return std::vector<Tensor>{{}, dy};
  });
  deep = {};
  y.backward();
  EXPECT_EQ(number(x.grad()), 1);
}

TEST(Var, TheSixteenBitCopyIsMadeOnceAndDroppedWithTheValue) {
  Var x(Tensor::from<float>({2}, {1, 3}), true);
  EXPECT_EQ(x.as(DType::f32).data(), x.value().data());
  EXPECT_TRUE(x.low().empty());
  const Tensor low = x.as(DType::bf16);
  EXPECT_EQ(low.to_vector<float>(), (std::vector<float>{1, 3}));
  EXPECT_EQ(x.as(DType::bf16).data(), low.data());
  x.set_value(Tensor::from<float>({2}, {5, 6}));
  EXPECT_EQ(x.as(DType::bf16).to_vector<float>(), (std::vector<float>{5, 6}));
}

}  // namespace
}  // namespace pc
