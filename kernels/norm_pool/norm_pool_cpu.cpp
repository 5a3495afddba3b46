// Fills norm_pool_cpu with the two ops one after the other: caches make their map cheap.
#include "kernels/norm_pool/norm_pool.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

// saved: the mask, then the index.
int64_t saved_bytes(const NormPoolShape& s) { return s.norm().mask_bytes() + s.y_size(); }

void forward(const NormPoolShape& s, DType dtype, const NormPoolForward& a) {
  const Buffer z(Device::cpu, s.norm().map_bytes(dtype));
  const BatchNormForward norm{.x = a.x,
                              .gamma = a.gamma,
                              .beta = a.beta,
                              .eps = a.eps,
                              .momentum = a.momentum,
                              .activation = Activation::relu,
                              .running_mean = a.running_mean,
                              .running_var = a.running_var,
                              .y = z.data(),
                              .mean = a.mean,
                              .invstd = a.invstd,
                              .mask = a.saved};
  (a.training ? batch_norm_cpu.forward_train : batch_norm_cpu.forward_eval)(s.norm(), dtype, norm);
  max_pool_cpu.forward(s.pool, dtype, z.data(), a.y, a.saved ? a.saved + s.norm().mask_bytes() : nullptr);
}

void backward(const NormPoolShape& s, DType dtype, const NormPoolBackward& a) {
  const Buffer dz(Device::cpu, s.norm().map_bytes(dtype));
  max_pool_cpu.backward(s.pool, dtype, a.dy, a.saved + s.norm().mask_bytes(), dz.data());
  batch_norm_cpu.backward(s.norm(), dtype,
                          {.dy = dz.data(),
                           .x = a.x,
                           .gamma = a.gamma,
                           .mean = a.mean,
                           .invstd = a.invstd,
                           .activation = Activation::relu,
                           .mask = a.saved,
                           .training = a.training,
                           .dx = a.dx,
                           .dgamma = a.dgamma,
                           .dbeta = a.dbeta});
}

}  // namespace

const NormPoolKernels norm_pool_cpu{.saved_bytes = saved_bytes, .forward = forward, .backward = backward};

}  // namespace pc
