// The choice among engines: the stand-in's cuDNN offers wrong and careless ones, all faster than the best good one.
#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"
#include "kernels/conv2d/conv2d_plans.h"
#include "kernels/conv2d/conv2d_sample.h"
#include "kernels/conv2d/conv2d_tune.h"
#include "kernels/norm_conv/norm_conv.h"
#include "tests/ops/reference.h"
#include "tests/simt/engines.h"
#include "tests/support.h"

namespace pc::test {
namespace {

constexpr Conv2dShape kShape{.n = 2, .h = 5, .w = 4, .c = 3, .k = 4, .r = 3, .s = 3, .stride = 2, .pad = 1};

TEST(ConvTune, GpuTakesTheFastestOfTheGoodEngines) {
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weight, ConvPass::infer})
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
      if (dtype != DType::f32 && pass != ConvPass::forward) continue;
      const bool infer = pass == ConvPass::infer;
      const ConvKey key{kShape, dtype, pass, infer, infer ? Activation::relu : Activation::none};
      const auto plan = conv2d_tuned_plan(key, conv2d_graph(key), conv2d_policy(dtype));
      ASSERT_TRUE(plan) << name_of(dtype) << " pass " << int(pass);
      EXPECT_EQ(plan->tag(), "best 3=4") << name_of(dtype) << " pass " << int(pass);
    }
}

TEST(ConvTune, GpuTakesAnEngineThatSumsAndNorms) {
  for (const ConvPass pass :
       {ConvPass::forward_sums, ConvPass::norm_forward, ConvPass::norm_backward_data, ConvPass::norm_backward_weight}) {
    const ConvKey key{kShape, DType::f16, pass};
    const auto plan = conv2d_tuned_plan(key, conv2d_graph(key), conv2d_policy(DType::f16));
    ASSERT_TRUE(plan) << int(pass);
    EXPECT_EQ(plan->tag(), "best 3=4") << int(pass);
  }
}

// An engine that takes a graph for another one of its kind.
TEST(ConvTune, GpuAnotherGraphIsSeen) {
  const auto plan_for = [](ConvPass asked, ConvPass posed) {
    return conv2d_tuned_plan({kShape, DType::f16, asked}, conv2d_graph({kShape, DType::f16, posed}),
                             conv2d_policy(DType::f16));
  };
  EXPECT_TRUE(plan_for(ConvPass::norm_backward_weight, ConvPass::norm_backward_weight));
  EXPECT_FALSE(plan_for(ConvPass::norm_backward_weight, ConvPass::backward_weight)) << "no norm";
  EXPECT_FALSE(plan_for(ConvPass::norm_backward_data, ConvPass::backward_data)) << "no mask, no sums";
  EXPECT_FALSE(plan_for(ConvPass::norm_forward, ConvPass::forward_sums)) << "no norm";
}

void check_sum_errors(DType dtype) {
  const ConvKey key{kShape, dtype, ConvPass::forward_sums};
  const int64_t rows = int64_t(kShape.n) * kShape.p() * kShape.q();
  const Values values = rounded(random_values(rows * kShape.k, 1), dtype);
  const Array y(Device::cuda, dtype, values);
  Values right(std::size_t(kShape.k) * 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    right[i % std::size_t(kShape.k)] += values[i];
    right[std::size_t(kShape.k) + i % std::size_t(kShape.k)] += values[i] * values[i];
  }
  for (std::size_t wrong = 0; wrong <= right.size(); ++wrong) {  // the last time none
    Values sums = right;
    if (wrong < sums.size()) sums[wrong] += 0.2;
    const Array on_device(Device::cuda, DType::f32, sums);
    const auto errors =
        conv2d_sum_errors(key, {.x = nullptr, .w = nullptr, .y = y.data(), .sums = on_device.as<float>()});
    ASSERT_EQ(errors.size(), sums.size());
    for (std::size_t i = 0; i < errors.size(); ++i) EXPECT_EQ(errors[i] > 4e-3f, i == wrong) << i << " of " << wrong;
  }
}
TEST(ConvTune, GpuAWrongSumIsSeen) {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) check_sum_errors(dtype);
}

TEST(ConvTune, GpuTakesAnEngineThatAdds) {
  const ConvKey key{.shape = kShape, .dtype = DType::f32, .pass = ConvPass::backward_data, .add = true};
  const auto plan = conv2d_tuned_plan(key, conv2d_graph(key), conv2d_policy(DType::f32));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->tag(), "best 3=4");
}

// An engine that does not add would leave dx alone.
TEST(ConvTune, GpuAForgottenSumIsSeen) {
  const int64_t places = int64_t(kShape.n) * kShape.h * kShape.w * kShape.c;
  const Values before = random_values(places, 1);
  const Array w(Device::cuda, DType::f32, random_values(int64_t(kShape.k) * kShape.r * kShape.s * kShape.c, 2)),
      dy(Device::cuda, DType::f32, random_values(int64_t(kShape.n) * kShape.p() * kShape.q() * kShape.k, 3)),
      sum(Device::cuda, DType::f32, before);
  for (const bool adds : {false, true}) {
    const Array dx(Device::cuda, DType::f32, before);
    ConvKey key{.shape = kShape, .dtype = DType::f32, .pass = ConvPass::backward_data, .add = adds};
    conv2d_graph(key).plan({})->run({{kConvX, dx.data()}, {kConvW, w.data()}, {kConvY, dy.data()}});
    key.add = true;
    const auto errors =
        conv2d_errors(key, {.x = dx.data(), .w = w.data(), .y = dy.data(), .residual = sum.data()}, int(places));
    const float worst = *std::max_element(errors.begin(), errors.end());
    EXPECT_EQ(worst < 1e-5f, adds) << worst;
  }
}

TEST(ConvTune, GpuErrorsAreSeenWhereTheyAre) {
  const Array x(Device::cuda, DType::f32, random_values(int64_t(kShape.n) * kShape.h * kShape.w * kShape.c, 1)),
      w(Device::cuda, DType::f32, random_values(int64_t(kShape.k) * kShape.r * kShape.s * kShape.c, 2));
  const int64_t places = int64_t(kShape.n) * kShape.p() * kShape.q() * kShape.k;
  const Array y(Device::cuda, DType::f32, places);
  const ConvKey key{kShape, DType::f32, ConvPass::forward};
  conv2d_graph(key).plan({})->run({{kConvX, x.data()}, {kConvW, w.data()}, {kConvY, y.data()}});
  const auto worst = [&](const Array& result) {
    const auto errors = conv2d_errors(key, {.x = x.data(), .w = w.data(), .y = result.data()}, int(places));
    return *std::max_element(errors.begin(), errors.end());
  };
  EXPECT_LT(worst(y), 1e-5f);
  Values off = y.values();
  off[std::size_t(places) / 3] += 0.1;
  EXPECT_GT(worst(Array(Device::cuda, DType::f32, off)), 1e-3f);
}

TEST(ConvTune, GpuFillsATensorAtRandom) {
  const Array a(Device::cuda, DType::f32, int64_t(4000)), b(Device::cuda, DType::f32, int64_t(4000));
  conv2d_fill(4000, DType::f32, 1, a.data());
  conv2d_fill(4000, DType::f32, 2, b.data());
  const Values va = a.values(), vb = b.values();
  EXPECT_NEAR(dot(va, va) / 4000, 1.0 / 3, 0.03);
  EXPECT_NEAR(dot(va, Values(4000, 1)) / 4000, 0, 0.05);
  EXPECT_NEAR(dot(va, vb) / 4000, 0, 0.03);
}

// One process: what is loaded and chosen stays.
TEST(ConvPlansText, GpuChoicesAreKeptAndTakenUp) {
  conv2d_plans_cuda.load(
      "other; forward f32 1x1x1x1 1x1x1/1+0 = 7 1=2\n"
      "stand-in; forward f32 2x5x4x3 4x3x3/2+1 = first\n"  // good, though not the fastest
      "stand-in; infer f32 2x5x4x3 4x3x3/2+1 residual relu = best 3=4\n"
      "stand-in; backward_data f32 2x5x4x3 4x3x3/2+1 = gone\n",
      "engines.txt");
  EXPECT_EQ(conv2d_plan({kShape, DType::f32, ConvPass::infer, true, Activation::relu})->tag(), "first") << "not tuned";
  conv2d_plans_cuda.tune(true);
  EXPECT_EQ(conv2d_plan({kShape, DType::f32, ConvPass::infer, true, Activation::relu})->tag(), "best 3=4");
  EXPECT_EQ(conv2d_plan({kShape, DType::f32, ConvPass::forward})->tag(), "first");
  EXPECT_EQ(conv2d_plan({kShape, DType::f32, ConvPass::backward_data})->tag(), "best 3=4") << "an engine that is gone";
  EXPECT_EQ(conv2d_plan({kShape, DType::bf16, ConvPass::infer, true, Activation::relu})->tag(), "best 3=4");
  conv2d_plan({.shape = kShape, .dtype = DType::bf16, .pass = ConvPass::backward_data, .add = true});
  conv2d_plans_cuda.tune(false);
  const std::string text = conv2d_plans_cuda.text();
  EXPECT_HAS(text, "other; forward f32 1x1x1x1 1x1x1/1+0 = 7 1=2\n");
  EXPECT_HAS(text, "stand-in; infer bf16 2x5x4x3 4x3x3/2+1 residual relu = best 3=4\n");
  EXPECT_HAS(text, "stand-in; backward_data bf16 2x5x4x3 4x3x3/2+1 add = best 3=4\n");
}

// The two ops do what norm_conv cannot; a convolution has to have some engine.
TEST(ConvPlansText, GpuAPassWithASubstituteGoesWithoutFailedEngines) {
  Conv2dShape s = kShape;
  s.c = s.k = 8;
  simt::all_engines_fail = true;
  conv2d_plans_cuda.tune(true);
  EXPECT_FALSE(conv2d_plan({s, DType::f16, ConvPass::norm_forward}));
  EXPECT_FALSE(conv2d_plan({s, DType::f16, ConvPass::forward_sums}));
  EXPECT_FALSE(norm_conv_cuda.takes(s, DType::f16));
  EXPECT_TRUE(conv2d_plan({s, DType::f16, ConvPass::forward}));
  conv2d_plans_cuda.tune(false);  // forgets them
  simt::all_engines_fail = false;
  EXPECT_TRUE(norm_conv_cuda.takes(s, DType::f16));
}

TEST(ConvPlansText, GpuLineThatIsNoChoiceIsRefused) {
  EXPECT_HAS(refusal([] { conv2d_plans_cuda.load("a; b = c\nnonsense\n", "engines.txt"); }), "engines.txt:2: ");
}

}  // namespace
}  // namespace pc::test
