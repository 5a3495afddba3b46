// Fills adamw_cpu: one pass over w, dw, m and v that also writes the 16-bit copy.
#include <cmath>

#include "kernels/adamw/adamw.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

void update(const AdamwConfig& config, const GradScalerState& state, const AdamwTensor& t) {
  // 1 - beta in f64: 1 - 0.999f in f32 is already off by 1e-5 of itself after a rounding.
  const double beta1 = config.beta1, beta2 = config.beta2, lr = double(state.lr) * t.lr_scale,
               number = double(state.updates);
  const simd::f32x b1 = simd::splat(config.beta1), b2 = simd::splat(config.beta2);
  const simd::f32x a1 = simd::splat(float(1 - beta1)), a2 = simd::splat(float(1 - beta2));
  const simd::f32x shrink = simd::splat(float(1 - lr * t.weight_decay)), scale = simd::splat(state.factor);
  const simd::f32x rate = simd::splat(float(lr / (1 - std::pow(beta1, number))));
  const simd::f32x correct = simd::splat(float(1 / std::sqrt(1 - std::pow(beta2, number))));
  const simd::f32x eps = simd::splat(config.eps);
  bf16* low = static_cast<bf16*>(t.low);
  parallel_for(t.n, kElementGrain, [&](int64_t begin, int64_t end) {
    simd::for_lanes(begin, end, [&](int64_t i, auto lanes) {
      const simd::f32x g = simd::load(t.dw + i, lanes) * scale;
      const simd::f32x m = b1 * simd::load(t.m + i, lanes) + a1 * g;
      const simd::f32x v = b2 * simd::load(t.v + i, lanes) + a2 * (g * g);
      const simd::f32x w = shrink * simd::load(t.w + i, lanes) - rate * (m / (simd::sqrt(v) * correct + eps));
      simd::store(t.m + i, m, lanes);
      simd::store(t.v + i, v, lanes);
      simd::store(t.w + i, w, lanes);
      if (low) simd::store(low + i, w, lanes);
    });
  });
}

void step(const AdamwConfig& config, const GradScalerState* state, std::span<const AdamwTensor> tensors) {
  for (const AdamwTensor& t : tensors)
    if (t.low && t.low_type != DType::bf16)
      fail_shape(std::string("adamw: low is ") + name_of(t.low_type) + ", expected bf16");
  if (state->factor == 0) return;
  for (const AdamwTensor& t : tensors) update(config, *state, t);
}

}  // namespace

const AdamwKernels adamw_cpu{.step = step};

}  // namespace pc
