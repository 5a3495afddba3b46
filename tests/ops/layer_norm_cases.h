// The cases of layer_norm.
#pragma once

#include <cmath>

#include "kernels/runtime/column_blocks.h"
#include "tests/ops/op_case.h"

namespace pc::test {

inline Values layer_norm_reference(const std::vector<Values>& in, double eps) {
  const std::size_t c = in[1].size();
  Values y = in[0];
  for (std::size_t row = 0; row < y.size(); row += c) {
    double mean = 0, var = 0;
    for (std::size_t j = 0; j < c; ++j) mean += y[row + j] / double(c);
    for (std::size_t j = 0; j < c; ++j) var += (y[row + j] - mean) * (y[row + j] - mean) / double(c);
    for (std::size_t j = 0; j < c; ++j) y[row + j] = (y[row + j] - mean) / std::sqrt(var + eps) * in[1][j] + in[2][j];
  }
  return y;
}

inline OpCase layer_norm_case(const Shape& x, float eps = 1e-2f, double shift = 0.5) {
  const Shape c{x.back()};
  const double n = double(element_count(x));
  return {.name = "layer_norm " + to_string(x),
          .inputs = {{.shape = x, .shift = shift},
                     {.shape = c, .f32 = true, .scale = 0.3, .shift = 1},
                     {.shape = c, .f32 = true, .backward_reads = 0}},
          .reference = [=](const std::vector<Values>& in) { return layer_norm_reference(in, double(eps)); },
          .run = [=](const std::vector<Var>& in) { return layer_norm(in[0], in[1], in[2], eps); },
          .flops = 8 * n,
          .backward_flops = 18 * n};
}

inline std::vector<OpCase> layer_norm_cases() {
  std::vector<OpCase> cases;
  for (int64_t c = 2; c <= 35; c += c < 18 ? 1 : 5) cases.push_back(layer_norm_case({3 + c % 2, c}));
  for (const int64_t c : {72, 96, 144, 300, 1032}) cases.push_back(layer_norm_case({2, 2, 1, c}));
  const int64_t rows = column_block_rows(24);
  for (const int64_t n : {rows - 1, 2 * rows + 1}) cases.push_back(layer_norm_case({n, 24}));
  cases.push_back(layer_norm_case({4, 40}, 1e-6f, 8));  // far from 0: the variance is not lost to cancellation
  return cases;
}

inline std::vector<OpCase> layer_norm_timed() {
  return {layer_norm_case({64, 148, 148, 96}, 1e-6f), layer_norm_case({64, 53, 53, 768}, 1e-6f)};
}

}  // namespace pc::test
