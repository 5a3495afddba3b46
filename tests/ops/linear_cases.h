// The cases of linear; of linear_logits the kernels' own test has more.
#pragma once

#include "tests/ops/op_case.h"

namespace pc::test {

inline OpCase linear_case(const Shape& x, int64_t out) {
  const std::size_t in = std::size_t(x.back()), width = std::size_t(out);
  return {.name = "linear " + to_string(x) + " to " + std::to_string(out),
          .inputs = {{.shape = x},
                     {.shape = {out, x.back()}, .f32 = true, .rounded = true},
                     {.shape = {out}, .f32 = true, .rounded = true, .backward_reads = 0}},
          .reference =
              [=](const std::vector<Values>& v) {
                Values y;
                for (std::size_t row = 0; row < v[0].size() / in; ++row)
                  for (std::size_t o = 0; o < width; ++o) {
                    y.push_back(v[2][o]);
                    for (std::size_t i = 0; i < in; ++i) y.back() += v[0][row * in + i] * v[1][o * in + i];
                  }
                return y;
              },
          .run = [](const std::vector<Var>& v) { return linear(v[0], v[1], v[2]); },
          .flops = 2 * double(element_count(x)) * double(out),
          .backward_flops = 4 * double(element_count(x)) * double(out)};
}

inline std::vector<OpCase> linear_cases() {
  return {linear_case({1, 1}, 1),   linear_case({3, 5}, 7),         linear_case({33, 48}, 12),
          linear_case({9, 17}, 40), linear_case({2, 3, 4, 24}, 96), linear_case({1, 7, 5, 33}, 9)};
}

}  // namespace pc::test
