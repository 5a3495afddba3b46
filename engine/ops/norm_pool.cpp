#include "kernels/norm_pool/norm_pool.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {
namespace {

NormPoolShape check(const Var& x, const Var& gamma, const BatchNormOptions& norm, const MaxPoolOptions& pool) {
  const Shape xs = x.shape();
  if (xs.size() != 4 || gamma.shape() != Shape{xs.back()})
    fail_shape(fmt::format("norm_pool: x {} must be [n, h, w, c] with c channels of gamma, got {}", xs, gamma.shape()));
  if (pool.kernel_size > 15 || pool.pad > pool.kernel_size / 2)
    fail_shape(
        fmt::format("norm_pool: window {} (at most 15) with pad {} (at most half of it)", pool.kernel_size, pool.pad));
  const NormPoolShape shape{.pool = {.n = int(xs[0]),
                                     .h = int(xs[1]),
                                     .w = int(xs[2]),
                                     .c = int(xs[3]),
                                     .kernel_size = pool.kernel_size,
                                     .stride = pool.stride,
                                     .pad = pool.pad}};
  if (norm.training && shape.norm().rows < 2)
    fail_shape(fmt::format("norm_pool: training needs more than one value per channel, got x {}", xs));
  return shape;
}

}  // namespace

Fusions& fusions() {
  static Fusions all;
  return all;
}

Var norm_pool(const Var& x, const Var& gamma, const Var& beta, Var& running_mean, Var& running_var,
              const BatchNormOptions& norm, const MaxPoolOptions& pool) {
  if (!fusions().norm_pool || norm.activation != Activation::relu)
    return max_pool(batch_norm(x, gamma, beta, running_mean, running_var, Var(), norm), pool);
  const NormPoolShape shape = check(x, gamma, norm, pool);
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const int64_t c = shape.pool.c;
  const auto& kernels = PC_KERNELS(norm_pool, device);
  Tensor y({shape.pool.n, shape.pool.p(), shape.pool.q(), c}, dtype, device), mean({c}, DType::f32, device),
      invstd({c}, DType::f32, device), saved;
  if (x.requires_grad() || gamma.requires_grad() || beta.requires_grad())
    saved = Tensor({kernels.saved_bytes(shape)}, DType::u8, device);
  kernels.forward(shape, dtype,
                  {.x = x.value().data(),
                   .gamma = gamma.value().as<float>(),
                   .beta = beta.value().as<float>(),
                   .eps = norm.eps,
                   .momentum = norm.momentum,
                   .training = norm.training,
                   .running_mean = running_mean.value().as<float>(),
                   .running_var = running_var.value().as<float>(),
                   .y = y.data(),
                   .mean = mean.as<float>(),
                   .invstd = invstd.as<float>(),
                   .saved = saved.as<uint8_t>()});

  const bool training = norm.training;
  return Var::record("norm_pool", y, {x, gamma, beta},
                     [=, &kernels, input = x.value(), scale = gamma.value(), shift = beta.value()](const Tensor& dy) {
                       Tensor dx(input.shape(), dtype, device), dgamma({c}, DType::f32, device),
                           dbeta({c}, DType::f32, device);
                       kernels.backward(shape, dtype,
                                        {.dy = dy.data(),
                                         .x = input.data(),
                                         .y = y.data(),
                                         .gamma = scale.as<float>(),
                                         .beta = shift.as<float>(),
                                         .mean = mean.as<float>(),
                                         .invstd = invstd.as<float>(),
                                         .saved = saved.as<uint8_t>(),
                                         .training = training,
                                         .dx = dx.data(),
                                         .dgamma = dgamma.as<float>(),
                                         .dbeta = dbeta.as<float>()});
                       return std::vector<Tensor>{dx, dgamma, dbeta};
                     });
}

}  // namespace pc
