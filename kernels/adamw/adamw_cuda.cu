// AdamW on CUDA: one thread computes the scalars of the step, then one launch updates every parameter, its moments and
// its 16-bit copy.
#include "kernels/adamw/adamw.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/tensor_table.cuh"

namespace pc {
namespace {

// The scalars of a step: factor and lr from the gradient scaler, and the bias corrections of m and v, computed in f64:
// 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t).
struct Step {
  float factor, lr, correct_m, correct_root_v;
};

__global__ void number_kernel(AdamwConfig config, const GradScalerState* state, Step* step) {
  const double t = double(state->updates);
  *step = {.factor = state->factor,
           .lr = state->lr,
           .correct_m = float(1 / (1 - pow(double(config.beta1), t))),
           .correct_root_v = float(1 / sqrt(1 - pow(double(config.beta2), t)))};
}

template <bool Aligned>
__device__ inline void update(const AdamwConfig& config, const Step& step, const AdamwTensor& t, int64_t i) {
  const int count = t.n - i < kVecWidth ? int(t.n - i) : kVecWidth;
  const float lr = step.lr * t.lr_scale, keep = 1 - lr * t.weight_decay, rate = lr * step.correct_m;
  float w[kVecWidth], m[kVecWidth], v[kVecWidth], g[kVecWidth];
  load_vec8<Aligned>(t.w + i, count, w);
  load_vec8<Aligned>(t.m + i, count, m);
  load_vec8<Aligned>(t.v + i, count, v);
  load_vec8<Aligned>(t.dw + i, count, g);
#pragma unroll
  for (int k = 0; k < kVecWidth; ++k) {
    g[k] *= step.factor;
    m[k] = config.beta1 * m[k] + (1 - config.beta1) * g[k];
    v[k] = config.beta2 * v[k] + (1 - config.beta2) * g[k] * g[k];
    w[k] = w[k] * keep - rate * m[k] / (sqrtf(v[k]) * step.correct_root_v + config.eps);
  }
  store_vec8<Aligned>(t.m + i, count, m);
  store_vec8<Aligned>(t.v + i, count, v);
  store_vec8<Aligned>(t.w + i, count, w);
  store_low<Aligned>(t.low, t.low_type, i, count, w);
}

__global__ void __launch_bounds__(kPieceThreads)
    step_kernel(AdamwConfig config, const Step* number, const __grid_constant__ TensorTable<AdamwTensor> table) {
  const Step step = *number;
  const int at = tensor_of_block(table);
  const AdamwTensor& t = table.tensor[at];
  const int64_t i = first_element(table, at);
  if (i >= t.n || step.factor == 0) return;
  if (table.aligned[at])
    update<true>(config, step, t, i);
  else
    update<false>(config, step, t, i);
}

void step(const AdamwConfig& config, const GradScalerState* state, std::span<const AdamwTensor> tensors) {
  check_low("adamw", tensors);
  const Buffer number(Device::cuda, sizeof(Step));
  launch(1, 1, number_kernel, config, state, number.as<Step>());
  const auto aligned = [](const AdamwTensor& x) { return aligned16({x.w, x.dw, x.m, x.v, x.low}); };
  for_tables(tensors, aligned, [&](unsigned blocks, const TensorTable<AdamwTensor>& table) {
    launch(blocks, kPieceThreads, step_kernel, config, number.as<Step>(), table);
  });
}

}  // namespace

const AdamwKernels adamw_cuda{.step = step};

}  // namespace pc
