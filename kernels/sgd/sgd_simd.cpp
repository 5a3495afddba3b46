// Fills sgd_cpu: one pass over w, dw and v that also writes the 16-bit copy.
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/runtime/simd.h"
#include "kernels/sgd/sgd.h"

namespace pc {
namespace {

void update(const SgdConfig& config, const GradScalerState& state, const SgdTensor& t) {
  const simd::f32x scale = simd::splat(state.factor), decay = simd::splat(t.weight_decay);
  const simd::f32x momentum = simd::splat(config.momentum), lr = simd::splat(state.lr * t.lr_scale);
  bf16* low = static_cast<bf16*>(t.low);
  parallel_for(t.n, kElementGrain, [&](int64_t begin, int64_t end) {
    simd::for_lanes(begin, end, [&](int64_t i, auto lanes) {
      simd::f32x w = simd::load(t.w + i, lanes);
      const simd::f32x g = simd::load(t.dw + i, lanes) * scale + decay * w;
      const simd::f32x v = momentum * simd::load(t.v + i, lanes) + g;
      w -= lr * (config.nesterov ? g + momentum * v : v);
      simd::store(t.v + i, v, lanes);
      simd::store(t.w + i, w, lanes);
      if (low) simd::store(low + i, w, lanes);
    });
  });
}

void step(const SgdConfig& config, const GradScalerState* state, std::span<const SgdTensor> tensors) {
  for (const SgdTensor& t : tensors)
    if (t.low && t.low_type != DType::bf16)
      fail_shape(std::string("sgd: low is ") + name_of(t.low_type) + ", expected bf16");
  if (state->factor == 0) return;
  for (const SgdTensor& t : tensors) update(config, *state, t);
}

}  // namespace

const SgdKernels sgd_cpu{.step = step};

}  // namespace pc
