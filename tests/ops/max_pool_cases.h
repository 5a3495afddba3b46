// The cases of max_pool.
#pragma once

#include <cmath>

#include "kernels/runtime/built_for.h"
#include "tests/ops/op_case.h"

namespace pc::test {

inline Shape max_pool_y_shape(const Shape& x, const MaxPoolOptions& pool) {
  const auto side = [&](int64_t from) { return (from + 2 * pool.pad - pool.kernel_size) / pool.stride + 1; };
  return {x[0], side(x[1]), side(x[2]), x[3]};
}

// For each element of y the index in x of its maximum: the first of several, a NaN before all.
inline std::vector<std::size_t> maxima(const Shape& x, const MaxPoolOptions& pool, const Values& values) {
  const Shape y = max_pool_y_shape(x, pool);
  std::vector<std::size_t> found;
  for (int64_t o = 0; o < element_count(y); ++o) {
    const int64_t c = o % y[3], q = o / y[3] % y[2], p = o / y[3] / y[2] % y[1], n = o / y[3] / y[2] / y[1];
    std::size_t best = values.size();
    for (int64_t tap = 0; tap < int64_t(pool.kernel_size) * pool.kernel_size; ++tap) {
      const int64_t h = p * pool.stride + tap / pool.kernel_size - pool.pad,
                    w = q * pool.stride + tap % pool.kernel_size - pool.pad;
      if (h < 0 || w < 0 || h >= x[1] || w >= x[2]) continue;
      const auto at = std::size_t(((n * x[1] + h) * x[2] + w) * x[3] + c);
      if (best == values.size() || values[at] > values[best] || (std::isnan(values[at]) && !std::isnan(values[best])))
        best = at;
    }
    found.push_back(best);
  }
  return found;
}

inline Values max_pool_reference(const Shape& x, const MaxPoolOptions& pool, const Values& values) {
  Values y;
  for (const std::size_t at : maxima(x, pool, values)) y.push_back(values[at]);
  return y;
}

inline OpCase max_pool_case(const Shape& x, const MaxPoolOptions& pool = {}) {
  const Shape y = max_pool_y_shape(x, pool);
  const double n = double(element_count(y));
  return {.name = "max_pool " + to_string(x) + " window " + std::to_string(pool.kernel_size) + " stride " +
                  std::to_string(pool.stride) + " pad " + std::to_string(pool.pad),
          .inputs = {{.shape = x, .backward_reads = 0}},
          .reference = [=](const InputValues& in) { return max_pool_reference(x, pool, in[0]); },
          .run = [=](const std::vector<Var>& in) { return max_pool(in[0], pool); },
          .flops = pool.kernel_size * pool.kernel_size * n,
          .backward_flops = n,
          .y = y};
}

struct PoolCase {
  Shape x;
  MaxPoolOptions pool = {};
};

inline std::vector<PoolCase> pool_shapes() {
  return {{{2, 12, 10, 64}},
          {{1, 7, 9, 5}},
          {{3, 1, 1, 17}},
          {{2, 8, 6, 33}, {.kernel_size = 2, .stride = 2, .pad = 0}},
          {{1, 9, 9, 8}, {.kernel_size = 3, .stride = 1, .pad = 1}},
          {{1, 20, 17, 3}, {.kernel_size = 5, .stride = 3, .pad = 2}},
          {{1, 30, 31, 16}, {.kernel_size = 15, .stride = 4, .pad = 7}},
          {{1, 5, 5, 4}, {.kernel_size = 2, .stride = 3, .pad = 0}},
          {{4, 40, 30, 64}}};  // several blocks of rows
}

// Every number of channels to two vectors and more, against every window on small images.
inline std::vector<PoolCase> pool_remainders() {
  std::vector<PoolCase> cases;
  int c = 0;
  for (const int size : {1, 2, 3, 5})
    for (int stride = 1; stride <= 4; ++stride)
      for (int pad = 0; pad <= size / 2; ++pad)
        for (int h = 1; h <= 6; ++h)
          for (int w = 1; w <= 6; ++w, ++c)
            if (h + 2 * pad >= size && w + 2 * pad >= size)
              cases.push_back({{2, h, w, 1 + c % (2 * built_for.lanes() + 1)},
                               {.kernel_size = size, .stride = stride, .pad = pad}});
  return cases;
}

inline std::vector<OpCase> max_pool_cases(const std::vector<PoolCase>& shapes = pool_shapes()) {
  std::vector<OpCase> cases;
  for (const auto& [x, pool] : shapes) cases.push_back(max_pool_case(x, pool));
  return cases;
}

}  // namespace pc::test
