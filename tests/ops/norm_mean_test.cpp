// norm_mean: its table of cases; a NaN; and the kernels' own relu.
#include "kernels/norm_mean/norm_mean.h"

#include "tests/ops/norm_mean_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

TEST(NormMean, MatchesReference) { check_values(norm_mean_cases(), Device::cpu); }
TEST(NormMean, NaNAndInfinity) { check_special_values(norm_mean_cases(), Device::cpu); }
TEST(NormMean, SameBitsWithAnyNumberOfThreads) {
  check_threads(norm_mean_cases());
  check_threads({norm_mean_case({40, 5, 6, 40}, {.residual = true})});
}
TEST(NormMean, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(norm_mean_cases(), Device::cuda);
  check_special_values({norm_mean_case({2, 2, 3, 8}, {.training = false, .residual = true}),
                        norm_mean_case({2, 2, 3, 5}, {.training = false})},
                       Device::cuda);
}

// Where NaN comes in, the mean is NaN and no gradient comes back.
void check_nan(Device device) {
  const NormCase t{.training = false, .residual = true};
  const OpCase c = norm_mean_case({2, 2, 3, 16}, t);
  InputValues in = random_inputs(c, DType::f32);
  in[0][(6 + 3) * 16 + 4] = double(kNaN);  // in the second image
  const OpResult got = forward_and_backward(c, in, DType::f32, device);
  for (std::size_t i = 0; i < got.y.size(); ++i) EXPECT_EQ(std::isnan(got.y[i]), i == 16 + 4) << i;
  const Values z = batch_norm_reference(t, in);
  Values dx(z.size());
  for (std::size_t i = 0; i < z.size(); ++i)
    if (z[i] > 0) dx[i] = got.dy[i / 96 * 16 + i % 16] / 6 * in[1][i % 16] / std::sqrt(in[4][i % 16] + double(t.eps));
  expect_close(got.gradients[0], dx, {1e-5, 0}, "dx");
}

TEST(NormMean, NoGradientComesBackThroughNaN) { check_nan(Device::cpu); }
TEST(NormMean, GpuNoGradientComesBackThroughNaN) {
  PC_NEEDS_GPU();
  check_nan(Device::cuda);
}

// Whatever activation they are given, which the op sets to relu too: z is -3 and 5.
TEST(NormMean, TheKernelsApplyRelu) {
  const float x[] = {-3, 5}, gamma = 1, beta = 0, dy = 4;
  float running_mean = 0, running_var = 0.5f, y = 0, mean = 0, invstd = 0, dx[2] = {}, dgamma = 0, dbeta = 0;
  uint8_t mask[2] = {};
  norm_mean_cpu.forward_eval({.n = 1, .hw = 2, .c = 1}, DType::f32,
                             {.x = x,
                              .gamma = &gamma,
                              .beta = &beta,
                              .eps = 0.5f,
                              .momentum = 0.1f,
                              .running_mean = &running_mean,
                              .running_var = &running_var,
                              .y = &y,
                              .mean = &mean,
                              .invstd = &invstd,
                              .mask = mask});
  norm_mean_cpu.backward({.n = 1, .hw = 2, .c = 1}, DType::f32,
                         {.dy = &dy,
                          .x = x,
                          .gamma = &gamma,
                          .mean = &mean,
                          .invstd = &invstd,
                          .mask = mask,
                          .training = false,
                          .dx = dx,
                          .dgamma = &dgamma,
                          .dbeta = &dbeta});
  EXPECT_EQ(y, 2.5f);
  EXPECT_EQ(dx[0], 0);
  EXPECT_EQ(dx[1], 2);
}

}  // namespace
}  // namespace pc::test
