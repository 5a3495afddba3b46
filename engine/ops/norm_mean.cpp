#include "kernels/norm_mean/norm_mean.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops/batch_norm.h"
#include "kernels/base/error.h"

namespace pc {
namespace {

NormMeanShape check(const Var& x, const Var& gamma, const Var& residual, const BatchNormOptions& norm) {
  const Shape xs = x.shape();
  if (xs.size() != 4 || gamma.shape() != Shape{xs.back()})
    fail_shape(fmt::format("norm_mean: x {} must be [n, h, w, c] with c channels of gamma, got {}", xs, gamma.shape()));
  if (!residual.empty() && residual.shape() != xs)
    fail_shape(fmt::format("norm_mean: residual {} for x {}", residual.shape(), xs));
  const NormMeanShape shape{.n = int(xs[0]), .hw = int(xs[1] * xs[2]), .c = int(xs[3])};
  if (norm.training && shape.norm().rows < 2)
    fail_shape(fmt::format("norm_mean: training needs more than one value per channel, got x {}", xs));
  return shape;
}

}  // namespace

Var norm_mean(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var, const Var& residual,
              const BatchNormOptions& norm) {
  if (!fusions().norm_mean || norm.activation != Activation::relu)
    return global_avg_pool(batch_norm(x, gamma, beta, running_mean, running_var, residual, norm));
  const NormMeanShape shape = check(x, gamma, residual, norm);
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(norm_mean, device);
  const Tensor y({shape.n, shape.c}, x.value().dtype(), device);
  const bool keeps = x.requires_grad() || gamma.requires_grad() || beta.requires_grad() || residual.requires_grad();
  const Tensor saved = keeps ? Tensor({kernels.saved_bytes(shape)}, DType::u8, device) : Tensor();
  return detail::record_batch_norm("norm_mean", kernels, shape, {x, gamma, beta, running_mean, running_var, residual},
                                   norm, y, saved);
}

}  // namespace pc
