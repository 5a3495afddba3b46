// Fills sum_squares_cpu: squares and sums in f64, blocks added in order.
#include <vector>

#include "kernels/base/parallel.h"
#include "kernels/runtime/simd.h"
#include "kernels/sum_squares/sum_squares.h"

namespace pc {
namespace {

double block_sum(const float* x, int64_t begin, int64_t end) {
  simd::f64x low[2] = {}, high[2] = {};  // two chains each: an addition waits four cycles for the one before
  int chain = 0;
  simd::for_lanes(begin, end, [&](int64_t i, auto lanes) {
    const simd::f32x v = simd::load(x + i, lanes);
    const simd::f64x a = simd::low_half(v), b = simd::high_half(v);
    low[chain] += a * a;
    high[chain] += b * b;
    chain ^= 1;
  });
  return simd::sum((low[0] + low[1]) + (high[0] + high[1]));
}

double sum_of(int64_t n, const float* x) {
  std::vector<double> blocks(std::size_t((n + kElementGrain - 1) / kElementGrain));
  parallel_for(n, kElementGrain, [&](int64_t begin, int64_t end) {
    blocks[std::size_t(begin / kElementGrain)] = block_sum(x, begin, end);
  });
  double total = 0;
  for (double block : blocks) total += block;
  return total;
}

void accumulate(std::span<const SumSquaresTensor> tensors, double* sum) {
  for (const SumSquaresTensor& t : tensors) *sum += sum_of(t.n, t.x);
}

}  // namespace

const SumSquaresKernels sum_squares_cpu{.accumulate = accumulate};

}  // namespace pc
