#include "kernels/norm_conv/norm_conv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {
namespace {

void check(const Var& x, const Var& gamma) {
  const Shape xs = x.shape();
  if (gamma.shape() != Shape{xs.back()})
    fail_shape(fmt::format("norm_conv: x {} needs {} channels of gamma, got {}", xs, xs.back(), gamma.shape()));
  if (x.value().size() / xs.back() < 2)
    fail_shape(fmt::format("norm_conv: training needs more than one value per channel, got x {}", xs));
}

}  // namespace

Var norm_conv(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
              const BatchNormOptions& norm, const Var& w, const Conv2dOptions& conv, Tensor* sums) {
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const Conv2dShape shape = conv2d_shape(device, dtype, x.shape(), w.shape(), conv);
  const auto& kernels = PC_KERNELS(norm_conv, device);
  const bool learns =
      norm.training && x.requires_grad() && w.requires_grad() && gamma.requires_grad() && beta.requires_grad();
  if (!fusions().norm_conv || norm.activation != Activation::relu || !learns || !kernels.takes(shape, dtype))
    return conv2d(batch_norm(x, gamma, beta, running_mean, running_var, Var(), norm), w, conv, sums);
  check(x, gamma);
  const Tensor filter = w.as(dtype), y({shape.n, shape.p(), shape.q(), shape.k}, dtype, device),
               y_sums({2, shape.k}, DType::f32, device), saved({kNormConvSavedRows, shape.c}, DType::f32, device);
  kernels.forward(shape, {.x = x.value().data(),
                          .gamma = gamma.value().as<float>(),
                          .beta = beta.value().as<float>(),
                          .eps = norm.eps,
                          .momentum = norm.momentum,
                          .running_mean = running_mean.value().as<float>(),
                          .running_var = running_var.value().as<float>(),
                          .sums = norm.sums.as<float>(),
                          .w = filter.data(),
                          .y = y.data(),
                          .y_sums = y_sums.as<float>(),
                          .saved = saved.as<float>()});
  if (sums) *sums = y_sums;

  return Var::record("norm_conv", y, {x, gamma, beta, w},
                     [=, &kernels, input = x.value(), scale = gamma.value()](const Tensor& dy) {
                       const Tensor dx(input.shape(), dtype, device), dgamma({shape.c}, DType::f32, device),
                           dbeta({shape.c}, DType::f32, device), dw(filter.shape(), DType::f32, device);
                       kernels.backward(shape, {.dy = dy.data(),
                                                .x = input.data(),
                                                .w = filter.data(),
                                                .gamma = scale.as<float>(),
                                                .saved = saved.as<float>(),
                                                .branches = fusions().branches,
                                                .dx = dx.data(),
                                                .dgamma = dgamma.as<float>(),
                                                .dbeta = dbeta.as<float>(),
                                                .dw = dw.as<float>()});
                       return std::vector<Tensor>{dx, dgamma, dbeta, dw};
                     });
}

}  // namespace pc
