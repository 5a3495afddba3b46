#include "kernels/layer_norm/layer_norm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, float eps) {
  const Shape xs = x.shape();
  if (xs.empty() || gamma.shape() != Shape{xs.back()} || beta.shape() != gamma.shape())
    fail_shape(
        fmt::format("layer_norm: x {}, gamma {}, beta {} must be [..., c], [c], [c]", xs, gamma.shape(), beta.shape()));
  const LayerNormShape shape{.rows = x.value().size() / xs.back(), .c = int(xs.back()), .eps = eps};
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(layer_norm, device);
  Tensor y(xs, dtype, device), mean({shape.rows}, DType::f32, device), invstd({shape.rows}, DType::f32, device);
  kernels.forward(shape, dtype,
                  {.x = x.value().data(),
                   .gamma = gamma.value().as<float>(),
                   .beta = beta.value().as<float>(),
                   .y = y.data(),
                   .mean = mean.as<float>(),
                   .invstd = invstd.as<float>()});

  return Var::record(
      "layer_norm", y, {x, gamma, beta}, [=, &kernels, map = x.value(), scale = gamma.value()](const Tensor& dy) {
        Tensor dx(xs, dtype, device), dgamma({shape.c}, DType::f32, device), dbeta({shape.c}, DType::f32, device);
        kernels.backward(shape, dtype,
                         {.dy = dy.data(),
                          .x = map.data(),
                          .gamma = scale.as<float>(),
                          .mean = mean.as<float>(),
                          .invstd = invstd.as<float>(),
                          .dx = dx.data(),
                          .dgamma = dgamma.as<float>(),
                          .dbeta = dbeta.as<float>()});
        return std::vector<Tensor>{dx, dgamma, dbeta};
      });
}

}  // namespace pc
