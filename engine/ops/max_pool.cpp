#include "kernels/max_pool/max_pool.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

Var max_pool(const Var& x, const MaxPoolOptions& options) {
  const Shape xs = x.shape();
  if (xs.size() != 4) fail_shape(fmt::format("max_pool: x {} must be [n, h, w, c]", xs));
  if (options.kernel_size > 15 || options.pad > options.kernel_size / 2)
    fail_shape(fmt::format("max_pool: window {} (at most 15) with pad {} (at most half of it)", options.kernel_size,
                           options.pad));
  const MaxPoolShape shape{.n = int(xs[0]),
                           .h = int(xs[1]),
                           .w = int(xs[2]),
                           .c = int(xs[3]),
                           .kernel_size = options.kernel_size,
                           .stride = options.stride,
                           .pad = options.pad};
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(max_pool, device);
  const Shape ys{shape.n, shape.p(), shape.q(), shape.c};
  Tensor y(ys, dtype, device), index;
  if (x.requires_grad()) index = Tensor(ys, DType::u8, device);
  kernels.forward(shape, dtype, x.value().data(), y.data(), index.as<uint8_t>());

  return Var::record("max_pool", y, {x}, [=, &kernels](const Tensor& dy) {
    Tensor dx(xs, dtype, device);
    kernels.backward(shape, dtype, dy.data(), index.as<uint8_t>(), dx.data());
    return std::vector<Tensor>{dx};
  });
}

}  // namespace pc
