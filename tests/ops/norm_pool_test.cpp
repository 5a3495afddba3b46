// norm_pool: its table of cases; which of several equal elements gets the gradient.
#include "tests/ops/norm_pool_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

TEST(NormPool, MatchesReference) { check_values(norm_pool_cases(), Device::cpu); }
TEST(NormPool, NaNAndInfinity) { check_special_values(norm_pool_cases(), Device::cpu); }
TEST(NormPool, SameBitsWithAnyNumberOfThreads) {
  check_threads(norm_pool_cases());
  check_threads({norm_pool_case({6, 30, 30, 40}, {}, {})});
}
TEST(NormPool, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(norm_pool_cases(), Device::cuda);
  check_special_values(
      {norm_pool_case({2, 5, 4, 8}, {}, {.training = false}), norm_pool_case({2, 5, 4, 5}, {}, {.training = false})},
      Device::cuda);
}

// z = relu(x + beta), exactly: then z is rounded to its type, and the first of the largest gets the gradient if it is above
// 0. In 16 bits x + beta is rounded to a multiple of 4, so that different numbers become equal; of beta 0 many z are 0.
void check_ties(const Shape& x, const MaxPoolOptions& pool, double beta, Device device, DType dtype) {
  const OpCase c = norm_pool_case(x, pool, {.training = false, .eps = 0.5f});
  SCOPED_TRACE(c.name + " " + name_of(dtype) + " beta " + std::to_string(beta));
  InputValues in = random_inputs(c, dtype);
  const double steps[] = {-3, -1, 0, 1, 3};
  for (double& v : in[0]) v = steps[std::clamp(int(std::lround(v)) + 2, 0, 4)];
  in[0][in[0].size() / 2] = double(kNaN), in[0][in[0].size() / 3] = double(kInf);
  for (const auto& [k, value] : {std::pair{1, 1.0}, {2, beta}, {3, 0.0}, {4, 0.5}})
    in[std::size_t(k)].assign(in[std::size_t(k)].size(), value);
  Values z = in[0], dy = random_values(element_count(c.y), 2, 3), dx(z.size());
  for (double& v : z) v = v + beta < 0 ? 0 : v + beta;
  z = rounded(z, dtype);
  for (double& v : dy) v = std::round(v);
  const std::vector<std::size_t> at = maxima(x, pool, z);
  for (std::size_t i = 0; i < at.size(); ++i) dx[at[i]] += z[at[i]] > 0 ? dy[i] : 0;

  const OpResult got = forward_and_backward(c, in, dtype, device, dy);
  expect_close(got.y, max_pool_reference(x, pool, z), {0, 0}, "y");
  expect_close(got.gradients[0], dx, {1e-6, 0}, "dx");
}

void check_ties(Device device, const std::vector<DType>& dtypes) {
  for (const DType dtype : dtypes)
    for (const auto& [x, pool] : pool_shapes())
      if (element_count(x) < 100'000)
        for (const double beta : {0.0, dtype == DType::f16 ? 4104.0 : 520.0}) check_ties(x, pool, beta, device, dtype);
}

TEST(NormPool, TheFirstOfEqualElementsGetsTheGradient) { check_ties(Device::cpu, {DType::f32, DType::bf16}); }
TEST(NormPool, GpuTheFirstOfEqualElementsGetsTheGradient) {
  PC_NEEDS_GPU();
  check_ties(Device::cuda, {DType::f32, DType::bf16, DType::f16});
}

}  // namespace
}  // namespace pc::test
