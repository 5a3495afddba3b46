// The cases of add.
#pragma once

#include "tests/ops/op_case.h"

namespace pc::test {

inline OpCase add_case(const Shape& shape) {
  return {.name = "add " + to_string(shape),
          .inputs = {{.shape = shape, .backward_reads = 0}, {.shape = shape, .backward_reads = 0}},
          .reference =
              [](const std::vector<Values>& in) {
                Values y = in[0];
                for (std::size_t i = 0; i < y.size(); ++i) y[i] += in[1][i];
                return y;
              },
          .run = [](const std::vector<Var>& in) { return add(in[0], in[1]); },
          .flops = double(element_count(shape))};
}

inline std::vector<OpCase> add_cases() {
  std::vector<OpCase> cases{add_case({2, 3, 5, 7}), add_case({3, 33333})};
  for (int64_t n = 1; n <= 37; n += n < 18 ? 1 : 3) cases.push_back(add_case({n}));
  return cases;
}

}  // namespace pc::test
