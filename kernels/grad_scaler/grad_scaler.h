// grad_scaler: loss scaling and gradient clipping, decided on the device, so that the host need not wait for the
// gradients.
//
// Losses are multiplied by `scale` before backward(), so that small gradients do not vanish in f16. The optimizers
// multiply the gradients by `factor`, which removes the scale and clips them to a norm:
//   norm = sqrt(sum of squares) / scale;  factor = 1 / scale, times clip / norm if norm > clip
// If a gradient is not finite, the step changes nothing: factor = 0. With `dynamic`, the scale is halved in that case,
// and doubled after every 2000 steps without one (Micikevicius et al., "Mixed Precision Training", ICLR 2018).
#pragma once

#include <cstdint>

#include "kernels/runtime/select.h"

namespace pc {

struct GradScalerConfig {
  bool dynamic = false;  // f16
  float clip = 0;        // the norm to clip to; 0: do not clip
  // Whether update() needs the sum of squares.
  bool needs_norm() const { return dynamic || clip > 0; }
};

// On the device. `factor`, `lr` and `updates` are what an optimizer's step reads.
struct GradScalerState {
  float scale = 1;
  float factor = 1;  // 0: the step changes nothing
  float lr = 0;
  float norm = 0;             // of the last gradient, if needs_norm()
  int64_t good_steps = 0;     // since the scale last changed
  int64_t steps = 0;          // all of them
  int64_t updates = 0;        // steps that changed the parameters; the t of AdamW
  int64_t first_failure = 0;  // the first step with a non-finite gradient whose scale could not be halved; 0: none
};

struct GradScalerKernels {
  // seeds[i] = weights[i] * (scale / divisor), i < n: the gradients that backward() starts from. All on the device.
  void (*seeds)(int n, const float* weights, float divisor, const GradScalerState*, float* seeds);
  // Advances the state by one step. lr: one f32; sum_squares: one f64, over all gradients; null unless needs_norm().
  // All on the device.
  void (*update)(const GradScalerConfig&, const float* lr, const double* sum_squares, GradScalerState*);
};
extern const GradScalerKernels grad_scaler_cpu, grad_scaler_cuda;

}  // namespace pc
