// Fills norm_mean_cpu with the two ops one after the other: caches make their map cheap. What is saved is the mask.
#include "kernels/global_avg_pool/global_avg_pool.h"
#include "kernels/norm_mean/norm_mean.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

GlobalAvgPoolShape pool(const NormMeanShape& s) { return {.n = s.n, .hw = s.hw, .c = s.c}; }

int64_t saved_bytes(const NormMeanShape& s) { return s.norm().mask_bytes(); }

// z of the whole map, then its mean.
void forward(const NormMeanShape& s, DType dtype, const BatchNormForward& a,
             decltype(BatchNormKernels::forward_train) run) {
  const Buffer z(Device::cpu, s.norm().map_bytes(dtype));
  BatchNormForward norm = a;
  norm.activation = Activation::relu;
  norm.y = z.data();
  run(s.norm(), dtype, norm);
  global_avg_pool_cpu.forward(pool(s), dtype, z.data(), a.y);
}

void forward_train(const NormMeanShape& s, DType dtype, const BatchNormForward& a) {
  forward(s, dtype, a, batch_norm_cpu.forward_train);
}

void forward_eval(const NormMeanShape& s, DType dtype, const BatchNormForward& a) {
  forward(s, dtype, a, batch_norm_cpu.forward_eval);
}

void backward(const NormMeanShape& s, DType dtype, const BatchNormBackward& a) {
  const Buffer dz(Device::cpu, s.norm().map_bytes(dtype));
  global_avg_pool_cpu.backward(pool(s), dtype, a.dy, dz.data());
  BatchNormBackward norm = a;
  norm.dy = dz.data();
  norm.activation = Activation::relu;
  batch_norm_cpu.backward(s.norm(), dtype, norm);
}

}  // namespace

const NormMeanKernels norm_mean_cpu{
    .saved_bytes = saved_bytes, .forward_train = forward_train, .forward_eval = forward_eval, .backward = backward};

}  // namespace pc
