// Running averages on CUDA: one launch for all parameters.
#include "kernels/lerp/lerp.h"
#include "kernels/runtime/tensor_table.cuh"

namespace pc {
namespace {

template <bool Aligned>
__device__ inline void update(float share, const LerpTensor& t, int64_t i) {
  const int count = t.n - i < kVecWidth ? int(t.n - i) : kVecWidth;
  float now[kVecWidth], average[kVecWidth];
  load_vec8<Aligned>(t.x + i, count, now);
  load_vec8<Aligned>(t.y + i, count, average);
#pragma unroll
  for (int k = 0; k < kVecWidth; ++k) average[k] += share * (now[k] - average[k]);
  store_vec8<Aligned>(t.y + i, count, average);
}

__global__ void __launch_bounds__(kPieceThreads)
    lerp_kernel(float share, const __grid_constant__ TensorTable<LerpTensor> table) {
  const int at = tensor_of_block(table);
  const LerpTensor& t = table.tensor[at];
  const int64_t i = first_element(table, at);
  if (i >= t.n) return;
  if (table.aligned[at])
    update<true>(share, t, i);
  else
    update<false>(share, t, i);
}

void update(float share, std::span<const LerpTensor> tensors) {
  const auto aligned = [](const LerpTensor& t) { return aligned16({t.x, t.y}); };
  for_tables(tensors, aligned, [&](unsigned blocks, const TensorTable<LerpTensor>& table) {
    launch(blocks, kPieceThreads, lerp_kernel, share, table);
  });
}

}  // namespace

const LerpKernels lerp_cuda{.update = update};

}  // namespace pc
