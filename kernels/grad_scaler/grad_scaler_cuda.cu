// The gradient scaler on CUDA: one thread updates its state.
#include "kernels/grad_scaler/grad_scaler_step.h"
#include "kernels/runtime/launch.cuh"

namespace pc {
namespace {

__global__ void seeds_kernel(int n, const float* weights, float divisor, const GradScalerState* state, float* seeds) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) seeds[i] = weights[i] * (state->scale / divisor);
}

__global__ void update_kernel(GradScalerConfig config, const float* lr, const double* sum_squares,
                              GradScalerState* state) {
  grad_scaler_step(config, *lr, sum_squares, *state);
}

void seeds(int n, const float* weights, float divisor, const GradScalerState* state, float* seeds) {
  constexpr int kThreads = 32;
  launch(unsigned(ceil_div(n, kThreads)), kThreads, seeds_kernel, n, weights, divisor, state, seeds);
}

void update(const GradScalerConfig& config, const float* lr, const double* sum_squares, GradScalerState* state) {
  launch(1, 1, update_kernel, config, lr, sum_squares, state);
}

}  // namespace

const GradScalerKernels grad_scaler_cuda{.seeds = seeds, .update = update};

}  // namespace pc
