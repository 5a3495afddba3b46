// norm_conv: its table of cases; and what its 16-bit scales and shifts cost, on the GPU.
#include "tests/ops/norm_conv_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

TEST(NormConv, MatchesReference) { check_values(norm_conv_cases(), Device::cpu); }
TEST(NormConv, SameBitsWithAnyNumberOfThreads) { check_threads(norm_conv_cases()); }
TEST(NormConv, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(norm_conv_cases(), Device::cuda);
}

// A mean far from 0 needs a large shift, which 16 bits represent to 2^-12 of itself.
TEST(NormConv, GpuAFarMeanCostsTheShiftsRounding) {
  PC_NEEDS_GPU();
  for (const double ratio : {0.0, 1.0, 3.0, 10.0, 30.0}) {
    const OpCase c = norm_conv_case({.n = 4, .h = 8, .w = 8, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 1},
                                    {.mean = 1.5 * ratio}, true);
    const InputValues in = random_inputs(c, DType::f16);
    const Values want = c.reference(in);
    Values off = forward_and_backward(c, in, DType::f16, Device::cuda).y;
    for (std::size_t i = 0; i < off.size(); ++i) off[i] -= want[i];
    EXPECT_LT(std::sqrt(dot(off, off) / dot(want, want)), 5e-4 * (1 + ratio));
  }
}

// x is -15 and -17, so its mean -16 and its deviation 1, exactly. The shift, 17 and some 256ths, is rounded to 64ths: where
// that makes z 0 at x = -17, no gradient comes back, though z was above 0 before.
TEST(NormConv, GpuTheMaskComesFromTheRoundedShift) {
  PC_NEEDS_GPU();
  constexpr std::size_t kRows = 16, kChannels = 8;
  constexpr double kOver[kChannels] = {-5, -3, -1, 0, 1, 3, 4, 5}, kRounded[kChannels] = {-4, -4, 0, 0, 0, 4, 4, 4};
  const OpCase c = norm_conv_case({.n = 1, .h = 4, .w = 4, .c = kChannels, .k = kChannels, .r = 1, .s = 1, .stride = 1},
                                  {.eps = 1e-20f}, true);
  InputValues in = random_inputs(c, DType::f16);
  Values y, dy, dx(kRows * kChannels), dgamma(kChannels), dbeta(kChannels);
  for (std::size_t j = 0; j < kChannels; ++j) {
    in[1][j] = 1, in[2][j] = 1 + kOver[j] / 256;
    for (std::size_t k = 0; k < kChannels; ++k) in[5][j * kChannels + k] = j == k;  // w: y = z
  }
  for (std::size_t i = 0; i < kRows * kChannels; ++i) {
    const std::size_t row = i / kChannels, j = i % kChannels;
    const double xhat = row % 2 ? 1 : -1;
    in[0][i] = xhat - 16;
    y.push_back(std::max(0.0, xhat + 1 + kRounded[j] / 256));
    dy.push_back(double(row * (j + 1) % 7) - 3);
    if (y[i] > 0) dgamma[j] += dy[i] * xhat, dbeta[j] += dy[i];
  }
  for (std::size_t i = 0; i < dx.size(); ++i) {
    const std::size_t j = i % kChannels;
    dx[i] = (y[i] > 0 ? dy[i] : 0) - (dbeta[j] + (in[0][i] + 16) * dgamma[j]) / kRows;
  }
  const OpResult got = forward_and_backward(c, in, DType::f16, Device::cuda, dy);
  expect_close(got.y, y, {0, 0}, "y");
  expect_close(got.gradients[0], dx, {1e-3, 1e-6}, "dx");
  expect_close(got.gradients[1], dgamma, {1e-5, 0}, "dgamma");
  expect_close(got.gradients[2], dbeta, {1e-5, 0}, "dbeta");
}

// No variance: with epsilon alone the scale would be 316 times gamma, and with a large mean the shift beyond f16.
TEST(NormConv, GpuAChannelOfOneValueStaysFinite) {
  PC_NEEDS_GPU();
  for (const double value : {300.0, -300.0}) {
    const OpCase c = norm_conv_case(kNormConvShapes[0], {.eps = 1e-5f}, true);
    InputValues in = random_inputs(c, DType::f16);
    for (std::size_t i = 0; i < in[0].size(); i += 8) in[0][i] = value;
    OpResult got = forward_and_backward(c, in, DType::f16, Device::cuda);
    got.gradients.push_back(got.y);
    for (const Values& values : got.gradients)
      for (const double v : values) ASSERT_TRUE(std::isfinite(v)) << value;
  }
}

TEST(NormConv, GpuSaysWhatItCannot) {
  EXPECT_FALSE(norm_conv_cpu.takes(kNormConvShapes[0], DType::f32));
  PC_NEEDS_GPU();
  const NormConvKernels& kernels = PC_KERNELS(norm_conv, Device::cuda);
  Conv2dShape odd = kNormConvShapes[0], none = kNormConvShapes[0];
  odd.c = 12, none.n = 0;
  EXPECT_TRUE(kernels.takes(kNormConvShapes[0], DType::f16));
  EXPECT_FALSE(kernels.takes(kNormConvShapes[0], DType::bf16));
  EXPECT_FALSE(kernels.takes(kNormConvShapes[0], DType::f32));
  EXPECT_FALSE(kernels.takes(odd, DType::f16));
  EXPECT_FALSE(kernels.takes(none, DType::f16));
}

}  // namespace
}  // namespace pc::test
