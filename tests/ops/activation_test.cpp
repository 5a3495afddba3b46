// activation: its table of cases, the values of PyTorch at kinks and special values, and the errors of exp and of the normal distribution.
#include <cstring>

#include "kernels/base/error.h"
#include "tests/ops/activation_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

TEST(Activation, MatchesReference) { check_values(activation_cases(), Device::cpu); }
TEST(Activation, NaNAndInfinity) { check_special_values(activation_cases(), Device::cpu); }
TEST(Activation, SameBitsWithAnyNumberOfThreads) { check_threads(activation_cases()); }
TEST(Activation, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(activation_cases(), Device::cuda);
  check_special_values(activation_cases(), Device::cuda);
}

// f'(x) of torch.nn.functional's ops (PyTorch 1.13, f32, CPU), at x = 0, -0, 6, 3, -3, NaN, inf, -inf. Where its vector
// and its scalar loops differ: hardswish' at 3 is the vector loops', relu6' of NaN the scalar ones'.
struct Kinks {
  Activation kind;
  Values slopes;
};
const double nan = double(kNaN);
const Values kKinks{0, -0.0, 6, 3, -3, nan, double(kInf), -double(kInf)};
const Kinks kPyTorch[] = {
    {Activation::relu, {0, 0, 1, 1, 0, 1, 1, 0}},
    {Activation::relu6, {0, 0, 0, 1, 0, 1, 0, 0}},
    {Activation::silu, {0.5, 0.5, 1.01232624, 1.08810413, -0.08810411, nan, nan, nan}},
    {Activation::hardswish, {0.5, 0.5, 1, 1, -0.5, nan, 1, 0}},
    {Activation::hardsigmoid, {1 / 6.0, 1 / 6.0, 0, 0, 0, 0, 0, 0}},
    {Activation::sigmoid, {0.25, 0.25, 0.00246646581, 0.0451766551, 0.0451766588, nan, 0, 0}},
    {Activation::gelu, {0.5, 0.5, 1, 1.01194561, -0.01194561, nan, nan, nan}},
    {Activation::gelu_tanh, {0.5, 0.5, 1, 1.01158428, -0.01158430, nan, nan, nan}},
};

void check_kinks(Device device) {
  for (const Kinks& want : kPyTorch) {
    Var x(Tensor::from({8}, std::vector<float>(kKinks.begin(), kKinks.end()), device), true);
    backward_from(activation(x, want.kind), Tensor::full({8}, 1, device));
    const std::vector<float> got = x.grad().to_vector<float>();
    expect_close(Values(got.begin(), got.end()), want.slopes, {1e-6, 2e-7}, name_of(want.kind));
  }
}

TEST(Activation, KinksAndSpecialSlopesArePyTorchs) { check_kinks(Device::cpu); }
TEST(Activation, GpuKinksAndSpecialSlopesArePyTorchs) {
  PC_NEEDS_GPU();
  check_kinks(Device::cuda);
}

TEST(Activation, NamesBothWays) {
  for (const Activation kind : kActivations) EXPECT_EQ(activation_from_name(name_of(kind)), kind);
  EXPECT_THROW(activation_from_name("swish"), Error);
}

// Results of more than 64 MiB are stored past the caches.
TEST(Activation, LargeResultsHaveTheBitsOfSmallOnes) {
  constexpr int64_t kSmall = 100'000, kTimes = 171;
  const Values values = random_values(kSmall, 1);
  const std::vector<float> x(values.begin(), values.end());
  std::vector<float> all, y(x.size());
  for (int64_t i = 0; i < kTimes; ++i) all.insert(all.end(), x.begin(), x.end());
  const Tensor large({kSmall * kTimes}, DType::f32, Device::cpu);
  activation_cpu.forward(kSmall, DType::f32, Activation::silu, x.data(), y.data(), nullptr);
  activation_cpu.forward(kSmall * kTimes, DType::f32, Activation::silu, all.data(), large.data(), nullptr);
  for (int64_t i = 0; i < kTimes; ++i)
    ASSERT_EQ(std::memcmp(large.as<float>() + i * kSmall, y.data(), std::size_t(kSmall) * sizeof(float)), 0) << i;
}

TEST(Activation, LargeReluAndItsMask) {
  constexpr int64_t kSize = (17 << 20) + 13;
  std::vector<float> x(kSize);
  for (int64_t i = 0; i < kSize; ++i) x[std::size_t(i)] = float(i * 7919 % 2003 - 1001);
  const Tensor y({kSize}, DType::f32, Device::cpu), mask({relu_mask_bytes(kSize)}, DType::u8, Device::cpu);
  activation_cpu.forward(kSize, DType::f32, Activation::relu, x.data(), y.data(), mask.as<uint8_t>());
  for (int64_t i = 0; i < kSize; ++i) {
    const float v = x[std::size_t(i)];
    ASSERT_EQ(y.as<float>()[i], v > 0 ? v : 0) << i;
    ASSERT_EQ(mask.as<uint8_t>()[i / 8] >> (i % 8) & 1, v > 0) << i;
  }
}

TEST(Activation, NoneIsTheValueItself) {
  const Var x(Tensor::full({3}, 1, Device::cpu));
  EXPECT_EQ(activation(x, Activation::none).value().data(), x.value().data());
}

TEST(Activation, RefusesF16OnTheCpu) {
  EXPECT_THROW(activation_cpu.forward(1, DType::f16, Activation::silu, nullptr, nullptr, nullptr), std::logic_error);
  EXPECT_THROW(activation_cpu.backward(1, DType::f16, Activation::silu, nullptr, nullptr, nullptr, nullptr),
               std::logic_error);
}

// The largest error over a sample of all f32 in [low, high], in units in the last place of the result, but at least
// `smallest`.
double largest_error(Activation kind, float low, float high, double smallest) {
  std::vector<float> x;
  for (double v = low; v <= high; v += (high - low) / 3e5) x.push_back(float(v));
  std::vector<float> y(x.size());
  activation_cpu.forward(int64_t(x.size()), DType::f32, kind, x.data(), y.data(), nullptr);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double want = activation_reference(kind, double(x[i]));
    const double unit = std::ldexp(1.0, std::max(std::ilogb(want), -126) - 23);
    worst = std::max(worst, std::abs(double(y[i]) - want) / std::max(unit, smallest));
  }
  return worst;
}

// Through them exp (sigmoid below -17 is e^x) and the normal distribution are measured over their whole range.
TEST(Activation, ErrorsInUnitsInTheLastPlace) {
  EXPECT_LE(largest_error(Activation::sigmoid, -104, -17, 0), 1.5);
  EXPECT_LE(largest_error(Activation::sigmoid, -17, 104, 0), 3);
  EXPECT_LE(largest_error(Activation::silu, -87, 104, 0), 4);  // below, sigmoid is denormal
  EXPECT_LE(largest_error(Activation::gelu, -13, 14, 0), 6);
  EXPECT_LE(largest_error(Activation::gelu_tanh, -104, 104, 0x1p-24), 5);
  EXPECT_LE(largest_error(Activation::hardswish, -10, 10, 0), 3);
}

}  // namespace
}  // namespace pc::test
