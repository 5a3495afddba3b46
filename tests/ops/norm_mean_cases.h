// The cases of norm_mean.
#pragma once

#include "tests/ops/batch_norm_cases.h"
#include "tests/ops/global_avg_pool_cases.h"

namespace pc::test {

inline OpCase norm_mean_case(const Shape& x, const NormCase& t, bool fused = true) {
  OpCase c = norm_case(
      fused ? "norm_mean" : "batch_norm, global_avg_pool", x, t,
      [=](const std::vector<Var>& in, Var& mean, Var& var, const BatchNormOptions& options) {
        return norm_mean(in[0], in[1], in[2], mean, var, t.residual ? in[5] : Var(), options);
      },
      [=](const Values& z, const InputValues&) { return image_means(x, z); });
  const double n = double(element_count(x));
  c.roundings = 1;
  c.fusions.norm_mean = fused;
  c.flops = 10 * n, c.backward_flops = 5 * n;
  c.y = {x[0], x[3]};
  c.inputs[0].backward_reads = 1;
  return c;
}

inline std::vector<OpCase> norm_mean_cases() {
  std::vector<OpCase> cases;
  const Shape shapes[] = {{3, 2, 3, 64},  {2, 7, 7, 17}, {5, 1, 1, 8},   {1, 5, 6, 5},
                          {2, 3, 3, 264}, {17, 2, 2, 3}, {1, 15, 20, 16}};
  for (const Shape& x : shapes)
    for (const bool residual : {true, false})
      for (const bool training : {true, false})
        cases.push_back(norm_mean_case(x, {.training = training, .residual = residual}));
  cases.push_back(norm_mean_case({2, 7, 7, 17}, {.residual = true}, false));
  cases.push_back(norm_mean_case({2, 7, 7, 17}, {.activation = Activation::silu}));
  return cases;
}

}  // namespace pc::test
