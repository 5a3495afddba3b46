#include "kernels/multiply/multiply.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

Var multiply(const Var& x, const Var& s) {
  const Shape xs = x.shape(), factors = s.shape();
  const bool scale = !xs.empty() && factors == Shape{xs.back()};
  if (!scale && (xs.size() != 4 || factors != Shape{xs[0], xs[3]}))
    fail_shape(
        fmt::format("multiply: x {} takes a scale [c] or, if it is [n, h, w, c], a gate [n, c]; got {}", xs, factors));
  if (s.value().dtype() != DType::f32) fail_shape("multiply: the scale or gate must be f32");
  const int64_t groups = scale ? 1 : xs[0], c = xs.back();
  const MultiplyShape shape{.groups = groups, .rows = x.value().size() / (groups * c), .c = int(c)};
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(multiply, device);
  Tensor y(xs, dtype, device);
  kernels.forward(shape, dtype, x.value().data(), s.value().as<float>(), y.data());

  return Var::record("multiply", y, {x, s}, [=, &kernels, map = x.value(), factor = s.value()](const Tensor& dy) {
    Tensor dx(xs, dtype, device), ds(factors, DType::f32, device);
    kernels.backward(shape, dtype, dy.data(), map.data(), factor.as<float>(), dx.data(), ds.as<float>());
    return std::vector<Tensor>{dx, ds};
  });
}

}  // namespace pc
