#include "kernels/batch_norm/batch_norm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops/batch_norm.h"
#include "kernels/base/error.h"

namespace pc {
namespace {

BatchNormShape check(const Var& x, const Var& gamma, const Var& residual, const BatchNormOptions& options) {
  const Shape xs = x.shape();
  if (xs.empty() || gamma.shape() != Shape{xs.back()})
    fail_shape(fmt::format("batch_norm: x {} needs {} channels of gamma, got {}", xs, xs.empty() ? 0 : xs.back(),
                           gamma.shape()));
  if (!residual.empty() && residual.shape() != xs)
    fail_shape(fmt::format("batch_norm: residual {} for x {}", residual.shape(), xs));
  if (!residual.empty() && recomputes(options.activation))
    fail_shape(
        fmt::format("batch_norm: a residual with {}; apply the activation to the sum", name_of(options.activation)));
  const BatchNormShape shape{.rows = x.value().size() / xs.back(), .c = int(xs.back())};
  if (options.training && shape.rows < 2)
    fail_shape(fmt::format("batch_norm: training needs more than one value per channel, got x {}", xs));
  return shape;
}

}  // namespace

Var batch_norm(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
               const Var& residual, const BatchNormOptions& options) {
  const BatchNormShape shape = check(x, gamma, residual, options);
  const Device device = x.value().device();
  const Tensor y(x.shape(), x.value().dtype(), device);
  const Tensor mask =
      options.activation == Activation::relu ? Tensor({shape.mask_bytes()}, DType::u8, device) : Tensor();
  return detail::record_batch_norm("batch_norm", PC_KERNELS(batch_norm, device), shape,
                                   {x, gamma, beta, running_mean, running_var, residual}, options, y, mask);
}

}  // namespace pc
