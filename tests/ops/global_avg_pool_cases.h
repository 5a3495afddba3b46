// The cases of global_avg_pool.
#pragma once

#include "kernels/runtime/built_for.h"
#include "tests/ops/op_case.h"

namespace pc::test {

// The mean of each channel of each image: of x [n, h, w, c] as one row of c numbers after the other.
inline Values image_means(const Shape& x, const Values& values) {
  const std::size_t n = std::size_t(x[0]), c = std::size_t(x[3]), hw = std::size_t(x[1] * x[2]);
  Values means(n * c);
  for (std::size_t i = 0; i < values.size(); ++i) means[i / c / hw * c + i % c] += values[i] / double(hw);
  return means;
}

inline OpCase global_avg_pool_case(const Shape& x) {
  const double n = double(element_count(x));
  return {.name = "global_avg_pool " + to_string(x),
          .inputs = {{.shape = x, .backward_reads = 0}},
          .reference = [=](const InputValues& in) { return image_means(x, in[0]); },
          .run = [](const std::vector<Var>& in) { return global_avg_pool(in[0]); },
          .flops = n,
          .backward_flops = n / double(x[1] * x[2]),
          .y = {x[0], x[3]}};
}

inline std::vector<OpCase> global_avg_pool_cases() {
  std::vector<OpCase> cases;
  for (int c = 1; c <= 2 * built_for.lanes() + 1; ++c) cases.push_back(global_avg_pool_case({3, 1, 1 + c % 4, c}));
  for (const Shape& x : {Shape{2, 2, 3, 512}, {1, 30, 40, 3}, {70, 3, 3, 40}, {10, 15, 20, 33}})
    cases.push_back(global_avg_pool_case(x));
  return cases;
}

}  // namespace pc::test
