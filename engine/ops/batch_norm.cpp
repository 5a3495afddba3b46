#include "kernels/batch_norm/batch_norm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/runtime/error.h"

namespace pc {
namespace {

BatchNormShape check(const Var& x, const Var& gamma, const Var& residual, const BatchNormOptions& options) {
  const Shape xs = x.shape();
  if (xs.empty() || gamma.shape() != Shape{xs.back()})
    fail_shape(fmt::format("batch_norm: x {} needs {} channels of gamma, got {}", xs, xs.empty() ? 0 : xs.back(), gamma.shape()));
  if (!residual.empty() && residual.shape() != xs) fail_shape(fmt::format("batch_norm: residual {} for x {}", residual.shape(), xs));
  const BatchNormShape shape{.rows = x.value().size() / xs.back(), .c = int(xs.back()), .eps = options.eps};
  if (options.training && shape.rows < 2)
    fail_shape(fmt::format("batch_norm: training needs more than one value per channel, got x {}", xs));
  return shape;
}

}  // namespace

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var, const Var& residual,
               const BatchNormOptions& options) {
  const BatchNormShape shape = check(x, gamma, residual, options);
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(batch_norm, device);
  Tensor y(x.shape(), dtype, device), mean({shape.c}, DType::f32, device), invstd({shape.c}, DType::f32, device), mask;
  if (options.relu) mask = Tensor({shape.mask_bytes()}, DType::u8, device);
  const auto run = options.training ? kernels.forward_train : kernels.forward_eval;
  run(shape, dtype,
      {.x = x.value().data(),
       .gamma = gamma.value().as<float>(),
       .beta = beta.value().as<float>(),
       .residual = residual.empty() ? nullptr : residual.value().data(),
       .relu = options.relu,
       .momentum = options.momentum,
       .running_mean = running_mean.value().as<float>(),
       .running_var = running_var.value().as<float>(),
       .y = y.data(),
       .mean = mean.as<float>(),
       .invstd = invstd.as<float>(),
       .mask = mask.as<uint8_t>(),
       .persistent = fusions().persistent_norm,
       .sums = options.sums.as<float>()});

  const bool training = options.training, wants_residual = residual.requires_grad();
  return Var::record("batch_norm", y, {x, gamma, beta, residual}, [=, &kernels, input = x.value(), scale = gamma.value()](const Tensor& dy) {
    Tensor dx(input.shape(), dtype, device), dresidual, dgamma({shape.c}, DType::f32, device), dbeta({shape.c}, DType::f32, device);
    if (wants_residual) dresidual = Tensor(input.shape(), dtype, device);
    kernels.backward(shape, dtype,
                     {.dy = dy.data(), .x = input.data(), .gamma = scale.as<float>(), .mean = mean.as<float>(),
                      .invstd = invstd.as<float>(), .mask = mask.as<uint8_t>(), .training = training, .dx = dx.data(),
                      .dresidual = dresidual.data(), .dgamma = dgamma.as<float>(), .dbeta = dbeta.as<float>(),
                      .persistent = fusions().persistent_norm});
    return std::vector<Tensor>{dx, dgamma, dbeta, dresidual};
  });
}

}  // namespace pc
