// AdamW on CUDA: one launch updates every parameter, its moments and its 16-bit copy.
#include <cmath>

#include "kernels/adamw/adamw.h"
#include "kernels/runtime/tensor_table.cuh"

namespace pc {
namespace {

// The step's bias corrections, worked out once in f64: 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t).
struct Correction {
  float m, root_v;
};

template <bool Aligned>
__device__ inline void update(const AdamwConfig& config, Correction correction, const AdamwTensor& t, int64_t i) {
  const int count = t.n - i < kOctet ? int(t.n - i) : kOctet;
  const float lr = config.lr * t.lr_scale, keep = 1 - lr * t.weight_decay, rate = lr * correction.m;
  float w[kOctet], m[kOctet], v[kOctet], g[kOctet];
  load_octet<Aligned>(t.w + i, count, w);
  load_octet<Aligned>(t.m + i, count, m);
  load_octet<Aligned>(t.v + i, count, v);
  load_octet<Aligned>(t.dw + i, count, g);
#pragma unroll
  for (int k = 0; k < kOctet; ++k) {
    g[k] *= config.grad_scale;
    m[k] = config.beta1 * m[k] + (1 - config.beta1) * g[k];
    v[k] = config.beta2 * v[k] + (1 - config.beta2) * g[k] * g[k];
    w[k] = w[k] * keep - rate * m[k] / (sqrtf(v[k]) * correction.root_v + config.eps);
  }
  store_octet<Aligned>(t.m + i, count, m);
  store_octet<Aligned>(t.v + i, count, v);
  store_octet<Aligned>(t.w + i, count, w);
  store_low<Aligned>(t.low, t.low_type, i, count, w);
}

__global__ void __launch_bounds__(kPieceThreads)
    step_kernel(AdamwConfig config, Correction correction, const __grid_constant__ TensorTable<AdamwTensor> table) {
  const int at = tensor_of_block(table);
  const AdamwTensor& t = table.tensor[at];
  const int64_t i = first_element(table, at);
  if (i >= t.n) return;
  if (table.aligned[at])
    update<true>(config, correction, t, i);
  else
    update<false>(config, correction, t, i);
}

void step(const AdamwConfig& config, std::span<const AdamwTensor> tensors) {
  const double t = double(config.t);
  const Correction correction{.m = float(1 / (1 - std::pow(double(config.beta1), t))),
                              .root_v = float(1 / std::sqrt(1 - std::pow(double(config.beta2), t)))};
  check_low("adamw", tensors);
  const auto aligned = [](const AdamwTensor& x) { return aligned16({x.w, x.dw, x.m, x.v, x.low}); };
  for_tables(tensors, aligned, [&](unsigned blocks, const TensorTable<AdamwTensor>& table) {
    launch(blocks, kPieceThreads, step_kernel, config, correction, table);
  });
}

}  // namespace

const AdamwKernels adamw_cuda{.step = step};

}  // namespace pc
