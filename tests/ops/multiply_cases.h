// The cases of multiply: gates [n,c] and scales [c].
#pragma once

#include "kernels/runtime/column_blocks.h"
#include "tests/ops/op_case.h"

namespace pc::test {

inline OpCase multiply_case(const Shape& x, const Shape& s) {
  const auto c = std::size_t(x.back()), n = std::size_t(element_count(x));
  const std::size_t group = s.size() == 1 ? n : n / std::size_t(x[0]);  // elements that share the factors
  return {.name = (s.size() == 1 ? "scale " : "gate ") + to_string(x),
          .inputs = {{.shape = x}, {.shape = s, .f32 = true, .shift = 1}},
          .reference =
              [=](const std::vector<Values>& in) {
                Values y = in[0];
                for (std::size_t i = 0; i < n; ++i) y[i] *= in[1][i / group * c + i % c];
                return y;
              },
          .run = [](const std::vector<Var>& in) { return multiply(in[0], in[1]); },
          .flops = double(n),
          .backward_flops = 3 * double(n)};
}

inline std::vector<OpCase> multiply_cases() {
  std::vector<OpCase> cases;
  for (int64_t c = 1; c <= 33; c += c < 18 ? 1 : 5) cases.push_back(multiply_case({2, 3, 1 + c % 2, c}, {2, c}));
  for (const int64_t c : {64, 72, 300}) cases.push_back(multiply_case({2, 3, 3, c}, {2, c}));
  for (const int64_t c : {1, 7, 40}) cases.push_back(multiply_case({5, c}, {c}));
  const int64_t rows = column_block_rows(24);
  for (const int64_t n : {rows - 1, 2 * rows + 1}) {
    cases.push_back(multiply_case({n, 24}, {24}));
    cases.push_back(multiply_case({2, 1, n, 24}, {2, 24}));
  }
  return cases;
}

inline std::vector<OpCase> multiply_timed() {
  return {multiply_case({112, 112, 112, 96}, {112, 96}), multiply_case({704, 14, 14, 1152}, {704, 1152}),
          multiply_case({112 * 112 * 112, 96}, {96})};
}

}  // namespace pc::test
