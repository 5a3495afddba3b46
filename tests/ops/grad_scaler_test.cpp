// grad_scaler: the seeds of backward(), what becomes of a finite, a too long and a broken gradient, and the scale over
// many steps.
#include "kernels/grad_scaler/grad_scaler.h"

#include "tests/ops/reference.h"
#include "tests/ops/scaler_state.h"

namespace pc::test {
namespace {

GradScalerState after(Device device, const GradScalerConfig& config, const GradScalerState& before, double sum_squares,
                      float lr = 0.5f) {
  const ScalerState state(device, before);
  const Array rate(device, DType::f32, Values{double(lr)});
  const Buffer sum(device, sizeof(double));
  memory::copy(device, sum.data(), Device::cpu, &sum_squares, sizeof sum_squares);
  PC_KERNELS(grad_scaler, device)
      .update(config, rate.as<float>(), config.needs_norm() ? sum.as<double>() : nullptr, state.data());
  memory::synchronize(device);
  return state.value();
}

void check_unscaled(Device device) {
  const GradScalerState s = after(device, {}, {.scale = 8, .steps = 3, .updates = 2}, kNaN, 0.25f);
  EXPECT_EQ(s.factor, 0.125f);
  EXPECT_EQ(s.lr, 0.25f);
  EXPECT_EQ(s.scale, 8);
  EXPECT_EQ(s.steps, 4);
  EXPECT_EQ(s.updates, 3);
  EXPECT_EQ(s.first_failure, 0) << "nobody asked for the norm";
}

void check_clip(Device device) {
  const GradScalerState within = after(device, {.clip = 3}, {.scale = 4}, 144);  // norm 12 / 4
  EXPECT_EQ(within.norm, 3);
  EXPECT_EQ(within.factor, 0.25f);
  const GradScalerState beyond = after(device, {.clip = 3}, {.scale = 4}, 576);
  EXPECT_EQ(beyond.norm, 6);
  EXPECT_EQ(beyond.factor, 0.125f);
  EXPECT_EQ(beyond.updates, 1);
}

void check_broken(Device device) {
  for (const double sum : {double(kNaN), double(INFINITY)}) {
    const GradScalerState halved = after(device, {.dynamic = true}, {.scale = 4, .good_steps = 7, .updates = 7}, sum);
    EXPECT_EQ(halved.factor, 0);
    EXPECT_EQ(halved.scale, 2);
    EXPECT_EQ(halved.good_steps, 0);
    EXPECT_EQ(halved.updates, 7);
    EXPECT_EQ(halved.first_failure, 0);
    const GradScalerState last = after(device, {.dynamic = true}, {.scale = 1.0f / 16384, .steps = 8}, sum);
    EXPECT_EQ(last.scale, 1.0f / 16384);
    EXPECT_EQ(last.first_failure, 9);
    const GradScalerState later = after(device, {.clip = 1}, {.steps = 20, .first_failure = 9}, sum);
    EXPECT_EQ(later.factor, 0);
    EXPECT_EQ(later.first_failure, 9);
  }
}

void check_growth(Device device) {
  const GradScalerState before{.scale = 4, .good_steps = 1998};
  const GradScalerState almost = after(device, {.dynamic = true}, before, 1);
  EXPECT_EQ(almost.scale, 4);
  const GradScalerState grown = after(device, {.dynamic = true}, almost, 1);
  EXPECT_EQ(grown.scale, 8);
  EXPECT_EQ(grown.factor, 0.25f) << "this step's losses had the scale of before";
  EXPECT_EQ(grown.good_steps, 2000);
}

void check_seeds(Device device) {
  const ScalerState state(device, {.scale = 1024});
  Values weights;
  for (int i = 0; i < 40; ++i) weights.push_back(0.5 * i);
  const Array w(device, DType::f32, weights), seeds(device, DType::f32, 40);
  PC_KERNELS(grad_scaler, device).seeds(40, w.as<float>(), 4, state.data(), seeds.as<float>());
  for (double& weight : weights) weight *= 256;
  expect_close(seeds.values(), weights, {0, 0}, "seeds");
}

void check_all(Device device) {
  check_unscaled(device);
  check_clip(device);
  check_broken(device);
  check_growth(device);
  check_seeds(device);
}

TEST(GradScaler, TakesBackTheScale) { check_unscaled(Device::cpu); }
TEST(GradScaler, ClipsToANorm) { check_clip(Device::cpu); }
TEST(GradScaler, ABrokenGradientChangesNothing) { check_broken(Device::cpu); }
TEST(GradScaler, TheScaleGrowsAfter2000GoodSteps) { check_growth(Device::cpu); }
TEST(GradScaler, SeedsCarryWeightAndScale) { check_seeds(Device::cpu); }

TEST(GradScaler, Gpu) {
  PC_NEEDS_GPU();
  check_all(Device::cuda);
}

}  // namespace
}  // namespace pc::test
