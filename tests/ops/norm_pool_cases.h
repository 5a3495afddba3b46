// The cases of norm_pool.
#pragma once

#include "tests/ops/batch_norm_cases.h"
#include "tests/ops/max_pool_cases.h"

namespace pc::test {

inline OpCase norm_pool_case(const Shape& x, const MaxPoolOptions& pool, const NormCase& t, bool fused = true) {
  const OpCase of_pool = max_pool_case(x, pool);
  OpCase c = norm_case(
      fused ? "norm_pool" : "batch_norm, max_pool", x, t,
      [=](const std::vector<Var>& in, Var& mean, Var& var, const BatchNormOptions& options) {
        return norm_pool(in[0], in[1], in[2], mean, var, options, pool);
      },
      [=](const Values& z, const InputValues&) { return max_pool_reference(x, pool, z); });
  const double n = double(element_count(x));
  c.name += " window " + std::to_string(pool.kernel_size) + " stride " + std::to_string(pool.stride);
  c.roundings = 1;
  c.inputs[0].step = 0.125;
  c.fusions.norm_pool = fused;
  c.flops = 17 * n, c.backward_flops = 30 * n;
  c.y = of_pool.y;
  c.y_reads = 3;
  return c;
}

inline std::vector<OpCase> norm_pool_cases() {
  std::vector<OpCase> cases;
  for (const auto& [x, pool] : pool_shapes())
    for (const bool training : {true, false})
      if (element_count(x) < 100'000) cases.push_back(norm_pool_case(x, pool, {.training = training}));
  cases.push_back(norm_pool_case({2, 8, 6, 33}, {}, {}, false));
  cases.push_back(norm_pool_case({2, 8, 6, 33}, {}, {.activation = Activation::silu}));
  return cases;
}

}  // namespace pc::test
