// layer_norm: its table of cases.
#include "tests/ops/layer_norm_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {

TEST(LayerNorm, MatchesReference) { check_values(layer_norm_cases(), Device::cpu); }
TEST(LayerNorm, NaNAndInfinity) { check_special_values(layer_norm_cases(), Device::cpu); }
TEST(LayerNorm, SameBitsWithAnyNumberOfThreads) { check_threads(layer_norm_cases()); }
TEST(LayerNorm, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(layer_norm_cases(), Device::cuda);
}

// Results of more than 64 MiB are stored past the caches. The rows repeat, so the reference need not be as large.
TEST(LayerNorm, LargeResultsMatchReference) {
  constexpr int64_t kRows = 97, kTimes = 1900, c = 96;
  const Values x = random_values(kRows * c, 1), gamma = random_values(c, 2), beta = random_values(c, 3);
  const Values want = layer_norm_reference({x, gamma, beta}, 1e-3);
  const auto tensor = [](const Values& v, const Shape& shape) {
    return Var(Tensor::from(shape, std::vector<float>(v.begin(), v.end()), Device::cpu));
  };
  Values all;
  for (int64_t i = 0; i < kTimes; ++i) all.insert(all.end(), x.begin(), x.end());
  const Var y = layer_norm(tensor(all, {kTimes * kRows, c}), tensor(gamma, {c}), tensor(beta, {c}), 1e-3f);
  for (int64_t i = 0; i < kTimes * kRows * c; ++i)
    ASSERT_NEAR(y.value().as<float>()[i], want[std::size_t(i % (kRows * c))], 4e-6) << i;
}

}  // namespace pc::test
