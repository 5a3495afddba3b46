// Sums over rows, per channel, for the CPU kernels: f32 within a block of rows, f64 over the blocks, in an order that depends
// on the shape alone. As simd.h: only *_simd.cpp files may include this.
#pragma once

#include <algorithm>
#include <type_traits>

#include "kernels/base/math.h"
#include "kernels/base/parallel.h"
#include "kernels/runtime/column_blocks.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/simd.h"

namespace pc::simd {
inline namespace PC_VARIANT {

// One row's part of each sum.
template <int Sums>
struct Terms {
  f32x value[Sums];
};

// sums[k * c + j] = the sum over rows [begin, end) of terms(row, j, lanes).value[k]: a block's part.
template <int Sums, class F>
[[gnu::always_inline]] static inline void sum_block(int64_t begin, int64_t end, int c, double* sums, F&& terms) {
  constexpr int kTile = 4;  // vectors of channels whose sums stay in registers
  const auto tile = [&](int64_t j, auto vectors, auto lanes) {
    f32x sum[Sums][vectors] = {};
    for (int64_t row = begin; row < end; ++row)
      for (int v = 0; v < vectors; ++v) {
        const Terms<Sums> term = terms(row, j + v * kLanes, lanes);
        for (int k = 0; k < Sums; ++k) sum[k][v] += term.value[k];
      }
    for (int k = 0; k < Sums; ++k)
      for (int i = 0; i < vectors * lanes; ++i) sums[k * c + j + i] = double(sum[k][i / kLanes][i % kLanes]);
  };
  int64_t j = 0;
  for (; j + kTile * kLanes <= c; j += kTile * kLanes) tile(j, std::integral_constant<int, kTile>(), Full());
  for_lanes(j, c, [&](int64_t at, auto lanes) { tile(at, std::integral_constant<int, 1>(), lanes); });
}

// Calls block(group, begin, end, sums) for every block of a group's rows, then result(group, sums) with the sums over all of
// them, in order. sums: `count` numbers.
template <class Block, class Result>
[[gnu::always_inline]] static inline void sum_blocks(int64_t groups, int64_t rows, int c, int count, Block&& block,
                                                     Result&& result) {
  const int64_t block_rows = column_block_rows(c), blocks = ceil_div(rows, block_rows);
  Buffer partial(Device::cpu, std::size_t(groups * blocks * count) * sizeof(double));
  double* const sums = partial.as<double>();
  const int64_t tasks = std::max<int64_t>(1, block_rows / rows);  // per thread: small groups come several at a time
  parallel_for(groups * blocks, tasks, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t begin = i % blocks * block_rows;
      block(i / blocks, begin, std::min(rows, begin + block_rows), sums + i * count);
    }
  });
  for (int64_t group = 0; group < groups; ++group) {
    double* const total = sums + group * blocks * count;
    for (int64_t i = 1; i < blocks; ++i)
      for (int j = 0; j < count; ++j) total[j] += total[i * count + j];
    result(group, total);
  }
}

}  // namespace PC_VARIANT
}  // namespace pc::simd
