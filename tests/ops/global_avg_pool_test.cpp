// global_avg_pool: its table of cases.
#include "kernels/global_avg_pool/global_avg_pool.h"

#include "tests/ops/global_avg_pool_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {

TEST(GlobalAvgPool, MatchesReference) { check_values(global_avg_pool_cases(), Device::cpu); }
TEST(GlobalAvgPool, NaNAndInfinity) { check_special_values(global_avg_pool_cases(), Device::cpu); }
TEST(GlobalAvgPool, SameBitsWithAnyNumberOfThreads) { check_threads(global_avg_pool_cases()); }
TEST(GlobalAvgPool, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(global_avg_pool_cases(), Device::cuda);
}

TEST(GlobalAvgPool, RefusesF16) {
  EXPECT_THROW(global_avg_pool_cpu.forward({1, 1, 1}, DType::f16, nullptr, nullptr), std::logic_error);
  EXPECT_THROW(global_avg_pool_cpu.backward({1, 1, 1}, DType::f16, nullptr, nullptr), std::logic_error);
}

}  // namespace pc::test
