// multiply: its table of cases.
#include "tests/ops/multiply_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {

TEST(Multiply, MatchesReference) { check_values(multiply_cases(), Device::cpu); }
TEST(Multiply, NaNAndInfinity) { check_special_values(multiply_cases(), Device::cpu); }
TEST(Multiply, SameBitsWithAnyNumberOfThreads) { check_threads(multiply_cases()); }
TEST(Multiply, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(multiply_cases(), Device::cuda);
}

}  // namespace pc::test
