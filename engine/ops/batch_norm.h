// Records batch_norm and norm_mean, which have the same kernel arguments and the same backward rule.
#pragma once

#include "engine/ops.h"
#include "kernels/batch_norm/batch_norm.h"

namespace pc::detail {

struct BatchNormInputs {
  const Var &x, &gamma, &beta;
  Var &running_mean, &running_var;
  const Var& residual;
};

// Runs the norm, with output y, and records its backward rule. `mask`: empty, or a buffer that the backward pass needs
// besides the statistics; its layout is the kernels' own.
template <class NormShape, class Kernels>
Var record_batch_norm(const char* name, const Kernels& kernels, const NormShape& shape, const BatchNormInputs& in,
                      const BatchNormOptions& options, const Tensor& y, const Tensor& mask) {
  const DType dtype = y.dtype();
  const Device device = y.device();
  const Tensor mean({shape.c}, DType::f32, device), invstd({shape.c}, DType::f32, device);
  const auto run = options.training ? kernels.forward_train : kernels.forward_eval;
  run(shape, dtype,
      {.x = in.x.value().data(),
       .gamma = in.gamma.value().as<float>(),
       .beta = in.beta.value().as<float>(),
       .eps = options.eps,
       .momentum = options.momentum,
       .residual = in.residual.empty() ? nullptr : in.residual.value().data(),
       .activation = options.activation,
       .running_mean = in.running_mean.value().as<float>(),
       .running_var = in.running_var.value().as<float>(),
       .y = y.data(),
       .mean = mean.as<float>(),
       .invstd = invstd.as<float>(),
       .mask = mask.as<uint8_t>(),
       .persistent = fusions().persistent_norm,
       .sums = options.sums.as<float>()});

  const bool training = options.training, wants_residual = in.residual.requires_grad();
  return Var::record(name, y, {in.x, in.gamma, in.beta, in.residual},
                     [=, &kernels, activation = options.activation, x = in.x.value(), gamma = in.gamma.value(),
                      beta = in.beta.value()](const Tensor& dy) {
                       Tensor dx(x.shape(), dtype, device), dresidual, dgamma({shape.c}, DType::f32, device),
                           dbeta({shape.c}, DType::f32, device);
                       if (wants_residual) dresidual = Tensor(x.shape(), dtype, device);
                       kernels.backward(shape, dtype,
                                        {.dy = dy.data(),
                                         .x = x.data(),
                                         .gamma = gamma.template as<float>(),
                                         .mean = mean.as<float>(),
                                         .invstd = invstd.as<float>(),
                                         .activation = activation,
                                         .mask = mask.as<uint8_t>(),
                                         .beta = beta.template as<float>(),
                                         .training = training,
                                         .dx = dx.data(),
                                         .dresidual = dresidual.data(),
                                         .dgamma = dgamma.as<float>(),
                                         .dbeta = dbeta.as<float>(),
                                         .persistent = fusions().persistent_norm});
                       return std::vector<Tensor>{dx, dgamma, dbeta, dresidual};
                     });
}

}  // namespace pc::detail
