#include "kernels/global_avg_pool/global_avg_pool.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

Var global_avg_pool(const Var& x) {
  const Shape xs = x.shape();
  if (xs.size() != 4) fail_shape(fmt::format("global_avg_pool: x {} must be [n, h, w, c]", xs));
  const GlobalAvgPoolShape shape{.n = int(xs[0]), .hw = int(xs[1] * xs[2]), .c = int(xs[3])};
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(global_avg_pool, device);
  Tensor y({shape.n, shape.c}, dtype, device);
  kernels.forward(shape, dtype, x.value().data(), y.data());

  return Var::record("global_avg_pool", y, {x}, [=, &kernels](const Tensor& dy) {
    Tensor dx(xs, dtype, device);
    kernels.backward(shape, dtype, dy.data(), dx.data());
    return std::vector<Tensor>{dx};
  });
}

}  // namespace pc
