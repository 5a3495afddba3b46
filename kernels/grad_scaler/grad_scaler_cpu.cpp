// Fills grad_scaler_cpu.
#include "kernels/grad_scaler/grad_scaler_step.h"

namespace pc {
namespace {

void seeds(int n, const float* weights, float divisor, const GradScalerState* state, float* seeds) {
  for (int i = 0; i < n; ++i) seeds[i] = weights[i] * (state->scale / divisor);
}

void update(const GradScalerConfig& config, const float* lr, const double* sum_squares, GradScalerState* state) {
  grad_scaler_step(config, *lr, sum_squares, *state);
}

}  // namespace

const GradScalerKernels grad_scaler_cpu{.seeds = seeds, .update = update};

}  // namespace pc
