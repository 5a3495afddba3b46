// SGD on CUDA: one launch updates every parameter, its momentum and its 16-bit copy.
#include "kernels/runtime/tensor_table.cuh"
#include "kernels/sgd/sgd.h"

namespace pc {
namespace {

template <bool Aligned>
__device__ inline void update(const SgdConfig& config, float factor, float lr, const SgdTensor& t, int64_t i) {
  const int count = t.n - i < kVecWidth ? int(t.n - i) : kVecWidth;
  float w[kVecWidth], v[kVecWidth], g[kVecWidth];
  load_vec8<Aligned>(t.w + i, count, w);
  load_vec8<Aligned>(t.v + i, count, v);
  load_vec8<Aligned>(t.dw + i, count, g);
#pragma unroll
  for (int k = 0; k < kVecWidth; ++k) {
    g[k] = g[k] * factor + t.weight_decay * w[k];
    v[k] = config.momentum * v[k] + g[k];
    w[k] -= lr * (config.nesterov ? g[k] + config.momentum * v[k] : v[k]);
  }
  store_vec8<Aligned>(t.v + i, count, v);
  store_vec8<Aligned>(t.w + i, count, w);
  store_low<Aligned>(t.low, t.low_type, i, count, w);
}

__global__ void __launch_bounds__(kPieceThreads)
    step_kernel(SgdConfig config, const GradScalerState* state, const __grid_constant__ TensorTable<SgdTensor> table) {
  const int at = tensor_of_block(table);
  const SgdTensor& t = table.tensor[at];
  const int64_t i = first_element(table, at);
  const float factor = state->factor, lr = state->lr * t.lr_scale;
  if (i >= t.n || factor == 0) return;
  if (table.aligned[at])
    update<true>(config, factor, lr, t, i);
  else
    update<false>(config, factor, lr, t, i);
}

void step(const SgdConfig& config, const GradScalerState* state, std::span<const SgdTensor> tensors) {
  check_low("sgd", tensors);
  const auto aligned = [](const SgdTensor& t) { return aligned16({t.w, t.dw, t.v, t.low}); };
  for_tables(tensors, aligned, [&](unsigned blocks, const TensorTable<SgdTensor>& table) {
    launch(blocks, kPieceThreads, step_kernel, config, state, table);
  });
}

}  // namespace

const SgdKernels sgd_cuda{.step = step};

}  // namespace pc
