// grad_scaler: what a training step does with its gradients, decided where they lie, so that nobody waits for the
// device to know.
//
// Losses are multiplied by `scale` before backward(), so that small gradients survive in f16, and the optimizers
// multiply the gradients by `factor`, which takes it back and clips them to a norm:
//   norm = sqrt(sum of squares) / scale;  factor = 1 / scale, times clip / norm where norm > clip
// A gradient that is not finite changes nothing: factor = 0. With `dynamic` the scale is halved then, and doubled after
// every 2000 steps without such a gradient (Micikevicius et al., "Mixed Precision Training", ICLR 2018).
#pragma once

#include <cstdint>

#include "kernels/runtime/select.h"

namespace pc {

struct GradScalerConfig {
  bool dynamic = false;  // f16
  float clip = 0;        // the norm to clip to; 0: do not clip
  // Whether the sum of squares is asked for.
  bool needs_norm() const { return dynamic || clip > 0; }
};

// On the device. `factor`, `lr` and `updates` are what an optimizer's step reads.
struct GradScalerState {
  float scale = 1;
  float factor = 1;  // 0: the step changes nothing
  float lr = 0;
  float norm = 0;             // of the last gradient, where it was asked for
  int64_t good_steps = 0;     // since the scale last changed
  int64_t steps = 0;          // all of them
  int64_t updates = 0;        // those that changed the parameters; the t of AdamW
  int64_t first_failure = 0;  // the first step whose gradient was not finite with no smaller scale to try; 0: none
};

struct GradScalerKernels {
  // seeds[i] = weights[i] * (scale / divisor), i < n: what backward() begins with. All on the device.
  void (*seeds)(int n, const float* weights, float divisor, const GradScalerState*, float* seeds);
  // One step on. lr: one f32; sum_squares: one f64, of all gradients; null where config does not ask for it. All on the
  // device.
  void (*update)(const GradScalerConfig&, const float* lr, const double* sum_squares, GradScalerState*);
};
extern const GradScalerKernels grad_scaler_cpu, grad_scaler_cuda;

}  // namespace pc
