#include "kernels/norm_mean/norm_mean.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/runtime/error.h"

namespace pc {
namespace {

NormMeanShape check(const Var& x, const Var& gamma, const Var& residual, const BatchNormOptions& norm) {
  const Shape xs = x.shape();
  if (xs.size() != 4 || gamma.shape() != Shape{xs.back()})
    fail_shape(fmt::format("norm_mean: x {} must be [n, h, w, c] with c channels of gamma, got {}", xs, gamma.shape()));
  if (!residual.empty() && residual.shape() != xs) fail_shape(fmt::format("norm_mean: residual {} for x {}", residual.shape(), xs));
  const NormMeanShape shape{.n = int(xs[0]), .hw = int(xs[1] * xs[2]), .c = int(xs[3]), .eps = norm.eps};
  if (norm.training && shape.norm().rows < 2)
    fail_shape(fmt::format("norm_mean: training needs more than one value per channel, got x {}", xs));
  return shape;
}

}  // namespace

Var norm_mean(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var, const Var& residual,
              const BatchNormOptions& norm) {
  if (!fusions().norm_mean) {
    BatchNormOptions with_relu = norm;
    with_relu.relu = true;
    return global_avg_pool(batch_norm(x, gamma, beta, running_mean, running_var, residual, with_relu));
  }
  const NormMeanShape shape = check(x, gamma, residual, norm);
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(norm_mean, device);
  Tensor y({shape.n, shape.c}, dtype, device), mean({shape.c}, DType::f32, device), invstd({shape.c}, DType::f32, device), saved;
  if (x.requires_grad() || gamma.requires_grad() || beta.requires_grad() || residual.requires_grad())
    saved = Tensor({kernels.saved_bytes(shape)}, DType::u8, device);
  const auto run = norm.training ? kernels.forward_train : kernels.forward_eval;
  run(shape, dtype,
      {.x = x.value().data(),
       .gamma = gamma.value().as<float>(),
       .beta = beta.value().as<float>(),
       .residual = residual.empty() ? nullptr : residual.value().data(),
       .momentum = norm.momentum,
       .running_mean = running_mean.value().as<float>(),
       .running_var = running_var.value().as<float>(),
       .y = y.data(),
       .mean = mean.as<float>(),
       .invstd = invstd.as<float>(),
       .mask = saved.as<uint8_t>(),
       .sums = norm.sums.as<float>()});

  const bool training = norm.training, wants_residual = residual.requires_grad();
  return Var::record("norm_mean", y, {x, gamma, beta, residual}, [=, &kernels, input = x.value(), scale = gamma.value()](const Tensor& dy) {
    Tensor dx(input.shape(), dtype, device), dresidual, dgamma({shape.c}, DType::f32, device), dbeta({shape.c}, DType::f32, device);
    if (wants_residual) dresidual = Tensor(input.shape(), dtype, device);
    kernels.backward(shape, dtype,
                     {.dy = dy.data(), .x = input.data(), .gamma = scale.as<float>(), .mean = mean.as<float>(), .invstd = invstd.as<float>(),
                      .mask = saved.as<uint8_t>(), .training = training, .dx = dx.data(), .dresidual = dresidual.data(),
                      .dgamma = dgamma.as<float>(), .dbeta = dbeta.as<float>()});
    return std::vector<Tensor>{dx, dgamma, dbeta, dresidual};
  });
}

}  // namespace pc
