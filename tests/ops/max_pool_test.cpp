// max_pool: its table of cases; which of several equal elements gets the gradient.
#include "kernels/max_pool/max_pool.h"

#include "tests/ops/max_pool_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

TEST(MaxPool, MatchesReference) { check_values(max_pool_cases(), Device::cpu); }
TEST(MaxPool, NaNAndInfinity) { check_special_values(max_pool_cases(), Device::cpu); }
TEST(MaxPool, SameBitsWithAnyNumberOfThreads) { check_threads(max_pool_cases()); }
TEST(MaxPool, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(max_pool_cases(), Device::cuda);
}

// x is -2, -1, 0, 1 or 2, so that most maxima are ties, with a NaN and infinities; the gradients are whole numbers.
void check_ties(const std::vector<PoolCase>& shapes, Device device, DType dtype) {
  for (const auto& [shape, pool] : shapes) {
    const OpCase c = max_pool_case(shape, pool);
    SCOPED_TRACE(c.name + " " + name_of(dtype));
    Values x = random_values(element_count(shape), 1), dy = random_values(element_count(c.y), 2, 3), dx(x.size());
    for (Values* v : {&x, &dy})
      for (double& value : *v) value = std::round(value);
    x[x.size() / 2] = double(kNaN), x[x.size() / 3] = double(kInf), x[x.size() / 4] = -double(kInf);
    const std::vector<std::size_t> at = maxima(shape, pool, x);
    for (std::size_t i = 0; i < at.size(); ++i) dx[at[i]] += dy[i];
    const OpResult got = forward_and_backward(c, {x}, dtype, device, dy);
    expect_close(got.y, max_pool_reference(shape, pool, x), {0, 0}, "y");
    expect_close(got.gradients[0], dx, {0, 0}, "dx");
  }
}

TEST(MaxPool, TheFirstOfEqualElementsGetsTheGradient) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    check_ties(pool_shapes(), Device::cpu, dtype);
    check_ties(pool_remainders(), Device::cpu, dtype);
  }
}
TEST(MaxPool, GpuTheFirstOfEqualElementsGetsTheGradient) {
  PC_NEEDS_GPU();
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) check_ties(pool_shapes(), Device::cuda, dtype);
}

TEST(MaxPool, PaddingNeverWins) {
  for (const double low : {-5.0, -double(kInf)}) {
    const OpCase c = max_pool_case({1, 4, 4, 18});
    for (const double y : forward_and_backward(c, {Values(288, low)}, DType::f32, Device::cpu).y) EXPECT_EQ(y, low);
  }
}

TEST(MaxPool, RefusesWhatItDoesNotServe) {
  const MaxPoolShape large{.n = 1, .h = 4, .w = 4, .c = 4, .kernel_size = 16},
      far{.n = 1, .h = 4, .w = 4, .c = 4, .kernel_size = 3, .stride = 1, .pad = 2};
  EXPECT_THROW(max_pool_cpu.forward({1, 4, 4, 4}, DType::f16, nullptr, nullptr, nullptr), std::logic_error);
  EXPECT_THROW(max_pool_cpu.forward(large, DType::f32, nullptr, nullptr, nullptr), std::logic_error);
  EXPECT_THROW(max_pool_cpu.backward(far, DType::f32, nullptr, nullptr, nullptr), std::logic_error);
}

}  // namespace
}  // namespace pc::test
