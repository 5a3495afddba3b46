// SGD and AdamW against five steps of torch.optim, and the state they save.
#include "engine/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/base/error.h"
#include "tests/engine/golden.h"
#include "tests/support.h"

namespace pc {
namespace {

// One matrix and one bias, with make_engine_golden.py's numbers.
class Pair : public Module {
 public:
  Var w{Tensor::from<float>({2, 3}, {0.5f, -1.25f, 2, 0.75f, 0.125f, -0.375f}), true};
  Var b{Tensor::from<float>({2}, {1, -2}), true};
  Var seen{Tensor::full({2}, 7, Device::cpu)};
  void visit(const std::string& prefix, const Visitor& visitor) override {
    visitor(join(prefix, "w"), w, Role::parameter);
    visitor(join(prefix, "b"), b, Role::parameter);
    visitor(join(prefix, "seen"), seen, Role::buffer);
  }
};

// Gives x the gradient g.
void give(const Var& x, const std::vector<float>& g) {
  Tensor gradient = Tensor::from<float>(x.shape(), g);
  Var::record("op", Tensor::full({}, 0, Device::cpu), {x}, [gradient](const Tensor&) {
    return std::vector<Tensor>{gradient};
  }).backward();
}

void give_step(const Var& x, int t, float factor = 1) {
  std::vector<float> g;
  for (int i = 0; i < x.value().size(); ++i) g.push_back(factor * float((7 * i + 3 * t) % 11 - 5) / 4);
  give(x, g);
}

void expect_near(const Var& x, const nlohmann::json& want) {
  const std::vector<float> got = x.value().to_vector<float>();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i].get<double>(), 2e-6) << "element " << i;
}

void follows(const std::string& golden, const OptimizerOptions& options, float lr, float scale = 1) {
  Pair pair;
  Optimizer optimizer(pair, options);
  optimizer.set_state({.scale = scale});
  const auto steps = test::engine_golden().at(golden);
  for (int t = 0; t < 5; ++t) {
    SCOPED_TRACE("step " + std::to_string(t));
    give_step(pair.w, t, scale), give_step(pair.b, t, scale);
    optimizer.step(lr);
    expect_near(pair.w, steps[std::size_t(t)]["w"]);
    expect_near(pair.b, steps[std::size_t(t)]["b"]);
  }
  EXPECT_EQ(optimizer.state().updates, 5);
}

// The golden's bias has no weight decay: vectors are left out of it.
const OptimizerOptions kNesterov{.kind = "sgd", .momentum = 0.9f, .nesterov = true, .weight_decay = 0.01f};
const OptimizerOptions kAdamw{.kind = "adamw", .beta1 = 0.8f, .beta2 = 0.95f, .eps = 1e-6f, .weight_decay = 0.1f};

TEST(Optimizer, SgdWithMomentumFollowsTorch) {
  follows("sgd", {.kind = "sgd", .momentum = 0.9f, .nesterov = false, .weight_decay = 0.01f}, 0.1f);
}
TEST(Optimizer, SgdWithNesterovFollowsTorch) { follows("nesterov", kNesterov, 0.1f); }
TEST(Optimizer, SgdWithoutMomentumFollowsTorch) {
  follows("plain", {.kind = "sgd", .momentum = 0, .nesterov = false, .weight_decay = 0}, 0.1f);
}
TEST(Optimizer, AdamwFollowsTorch) { follows("adamw", kAdamw, 0.05f); }
TEST(Optimizer, TheGradientScaleIsTakenBack) {
  follows("nesterov", kNesterov, 0.1f, 1024);
  follows("adamw", kAdamw, 0.05f, 1024);
}

TEST(Optimizer, KeepsTheSixteenBitCopyUpToDate) {
  for (const auto& options : {kNesterov, kAdamw}) {
    Pair pair;
    Optimizer optimizer(pair, options);
    const Tensor low = pair.w.as(DType::bf16);
    give_step(pair.w, 0), give_step(pair.b, 0);
    optimizer.step(0.1f);
    EXPECT_EQ(pair.w.as(DType::bf16).data(), low.data());
    const std::vector<float> w = pair.w.value().to_vector<float>(), copy = low.to_vector<float>();
    for (std::size_t i = 0; i < w.size(); ++i) EXPECT_EQ(copy[i], float(bf16(w[i])));
  }
}

TEST(Optimizer, AParameterWithoutAGradientStays) {
  Pair pair;
  Optimizer optimizer(pair, kNesterov);
  give_step(pair.b, 1);
  const auto before = pair.w.value().to_vector<float>();
  optimizer.step(0.1f);
  EXPECT_EQ(pair.w.value().to_vector<float>(), before);
  EXPECT_TRUE(pair.b.grad().empty()) << "step clears the gradients";
}

TEST(Optimizer, FrozenParametersAndBuffersAreLeftOut) {
  Pair pair;
  freeze(pair, {"w"});
  Optimizer optimizer(pair, kNesterov);
  std::vector<std::string> names;
  optimizer.visit([&](const std::string& name, Var&, Role) { names.push_back(name); });
  EXPECT_EQ(names, (std::vector<std::string>{"b.v"}));
}

TEST(Optimizer, TheGradientNormIsOverAllParameters) {
  Pair pair;
  OptimizerOptions options = kNesterov;
  options.gradients.clip = 100;
  Optimizer optimizer(pair, options);
  optimizer.set_state({.scale = 2});
  give(pair.w, {1, 2, 0, 0, 0, 2}), give(pair.b, {0, 4});
  optimizer.step(0.1f);
  EXPECT_FLOAT_EQ(optimizer.state().norm, 2.5f);
}

TEST(Optimizer, ABrokenGradientChangesNothingAndIsRemembered) {
  Pair pair;
  OptimizerOptions options = kAdamw;
  options.gradients.dynamic = true;
  Optimizer optimizer(pair, options);
  optimizer.set_state({.scale = 8});
  const auto before = pair.b.value().to_vector<float>();
  give(pair.b, {std::numeric_limits<float>::quiet_NaN(), 0});
  optimizer.step(0.1f);
  EXPECT_EQ(pair.b.value().to_vector<float>(), before);
  EXPECT_TRUE(pair.b.grad().empty());
  EXPECT_EQ(optimizer.state().scale, 4);
  EXPECT_EQ(optimizer.state().updates, 0);
}

TEST(Optimizer, SeedsAreScalarsThatCarryTheLossScale) {
  Pair pair;
  Optimizer optimizer(pair, kNesterov);
  optimizer.set_state({.scale = 8});
  const auto seeds = optimizer.seeds(Tensor::from<float>({3}, {1, 0.5f, 3}), 2);
  ASSERT_EQ(seeds.size(), 3u);
  EXPECT_EQ(seeds[0].shape(), Shape{});
  EXPECT_EQ(seeds[0].item(), 4);
  EXPECT_EQ(seeds[1].item(), 2);
  EXPECT_EQ(seeds[2].item(), 12);
}

// Two steps, state carried into a new optimizer, two more: the same bits as four in a row.
TEST(Optimizer, RestoredStateContinuesBitForBit) {
  for (const auto& options : {kNesterov, kAdamw}) {
    Pair whole, first, second;
    Optimizer straight(whole, options);
    std::map<std::string, Tensor> saved;
    GradScalerState state;
    {
      Optimizer before(first, options);
      for (int t = 0; t < 4; ++t) {
        give_step(whole.w, t), give_step(whole.b, t);
        straight.step(0.1f);
        if (t >= 2) continue;
        give_step(first.w, t), give_step(first.b, t);
        before.step(0.1f);
      }
      before.visit([&](const std::string& name, Var& v, Role) { saved[name] = v.value().clone(); });
      state = before.state();
      EXPECT_EQ(saved.size(), options.kind == "adamw" ? 4u : 2u);
    }
    second.w.set_value(first.w.value().clone()), second.b.set_value(first.b.value().clone());
    Optimizer after(second, options);
    after.visit([&](const std::string& name, Var& v, Role) { v.set_value(saved.at(name)); });
    after.set_state(state);
    for (int t = 2; t < 4; ++t) {
      give_step(second.w, t), give_step(second.b, t);
      after.step(0.1f);
    }
    EXPECT_EQ(second.w.value().to_vector<float>(), whole.w.value().to_vector<float>());
    EXPECT_EQ(second.b.value().to_vector<float>(), whole.b.value().to_vector<float>());
  }
}

TEST(Optimizer, AnUnknownKindNamesTheKnownOnes) {
  Pair pair;
  EXPECT_EQ(test::error_of([&] { Optimizer(pair, {.kind = "adam"}); }),
            "2: unknown optimizer \"adam\"; use sgd or adamw");
}

}  // namespace
}  // namespace pc
