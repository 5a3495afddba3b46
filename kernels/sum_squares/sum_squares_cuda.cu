// Sums of squares on CUDA: one launch writes a partial sum for every piece of every tensor, then one block adds the
// partial sums in order.
#include "kernels/runtime/memory.h"
#include "kernels/runtime/tensor_table.cuh"
#include "kernels/sum_squares/sum_squares.h"

namespace pc {
namespace {

// In f64: the square of a finite f32 must stay finite.
template <bool Aligned>
__device__ inline double squares(const SumSquaresTensor& t, int64_t i) {
  double sum = 0;
  if (i >= t.n) return sum;
  float v[kVecWidth];
  load_vec8<Aligned>(t.x + i, t.n - i < kVecWidth ? int(t.n - i) : kVecWidth, v);
#pragma unroll
  for (int j = 0; j < kVecWidth; ++j) sum += double(v[j]) * double(v[j]);
  return sum;
}

__global__ void __launch_bounds__(kPieceThreads)
    partial_kernel(const __grid_constant__ TensorTable<SumSquaresTensor> table, double* partial) {
  __shared__ double scratch[32];
  const int at = tensor_of_block(table);
  const SumSquaresTensor& t = table.tensor[at];
  const int64_t i = first_element(table, at);
  const double sum = block_sum(table.aligned[at] ? squares<true>(t, i) : squares<false>(t, i), scratch);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void total_kernel(int parts, const double* partial, double* total) {
  __shared__ double scratch[32];
  double sum = 0;
  for (int i = int(threadIdx.x); i < parts; i += int(blockDim.x)) sum += partial[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) *total += sum;
}

// The number of partial sums depends on the sizes alone, so that every GPU adds in the same order.
void accumulate(std::span<const SumSquaresTensor> tensors, double* sum) {
  const auto aligned = [](const SumSquaresTensor& t) { return aligned16({t.x}); };
  for_tables(tensors, aligned, [&](unsigned blocks, const TensorTable<SumSquaresTensor>& table) {
    const Buffer partial(Device::cuda, sizeof(double) * std::size_t(blocks));
    launch(blocks, kPieceThreads, partial_kernel, table, partial.as<double>());
    launch(blocks > 0 ? 1u : 0u, 1024, total_kernel, int(blocks), partial.as<double>(), sum);
  });
}

}  // namespace

const SumSquaresKernels sum_squares_cuda{.accumulate = accumulate};

}  // namespace pc
