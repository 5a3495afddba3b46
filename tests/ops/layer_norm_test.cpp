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

}  // namespace pc::test
