// The numbers of the f64 references.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/random.h"

namespace pc::test {

using Values = std::vector<double>;

// n values around 0 with about unit variance (the sum of four uniforms), each an f32.
inline Values random_values(int64_t n, uint64_t seed, double scale = 1, double shift = 0) {
  Values values(static_cast<std::size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const Philox r = philox(seed, 0, uint64_t(i));
    const double sum = double(uniform(r.word[0])) + double(uniform(r.word[1])) + double(uniform(r.word[2])) +
                       double(uniform(r.word[3]));
    values[std::size_t(i)] = double(float((sum - 2) * 1.7320508 * scale + shift));
  }
  return values;
}

}  // namespace pc::test
