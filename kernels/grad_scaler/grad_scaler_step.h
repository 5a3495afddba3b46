// One step of the gradient scaler, the same source for both devices.
#pragma once

#include <cmath>

#include "kernels/base/random.h"
#include "kernels/grad_scaler/grad_scaler.h"

namespace pc {

PC_HD inline void grad_scaler_step(const GradScalerConfig& config, float lr, const double* sum_squares,
                                   GradScalerState& s) {
  constexpr float kSmallestScale = 1.0f / 16384;
  constexpr int64_t kGoodSteps = 2000;
  const float unscale = 1 / s.scale;
  s.lr = lr;
  s.factor = unscale;
  ++s.steps;
  if (sum_squares) {
    s.norm = float(sqrt(*sum_squares) * double(unscale));
    const bool finite = s.norm - s.norm == 0;
    if (!finite) {
      s.factor = 0;
      if (config.dynamic && s.scale > kSmallestScale)
        s.scale /= 2, s.good_steps = 0;
      else if (s.first_failure == 0)
        s.first_failure = s.steps;
      return;
    }
    if (config.clip > 0 && s.norm > config.clip) s.factor *= config.clip / s.norm;
  }
  ++s.updates;
  if (config.dynamic && ++s.good_steps % kGoodSteps == 0) s.scale *= 2;
}

}  // namespace pc
