#include "kernels/linear/linear.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

Var linear(const Var& x, const Var& w, const Var& b) {
  const Shape xs = x.shape(), ws = w.shape();
  if ((xs.size() != 2 && xs.size() != 4) || ws.size() != 2 || xs.back() != ws[1] || b.shape() != Shape{ws[0]})
    fail_shape(
        fmt::format("linear: x {}, w {}, b {} must be [n, in] or [n, h, w, in], [out, in], [out]", xs, ws, b.shape()));
  return conv2d(x, w, b, {});
}

Var linear_logits(const Var& x, const Var& w, const Var& b) {
  const Shape xs = x.shape(), ws = w.shape();
  if (xs.size() != 2 || ws.size() != 2 || xs[1] != ws[1] || b.shape() != Shape{ws[0]})
    fail_shape(fmt::format("linear_logits: x {}, w {}, b {} must be [n, in], [out, in], [out]", xs, ws, b.shape()));
  const LinearShape shape{.n = int(xs[0]), .in = int(xs[1]), .out = int(ws[0])};
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const auto& kernels = PC_KERNELS(linear, device);
  const Tensor weight = w.as(dtype);
  Tensor y({shape.n, shape.out}, DType::f32, device);
  kernels.forward(shape, dtype, x.value().data(), weight.data(), b.value().as<float>(), y.as<float>());

  return Var::record(
      "linear_logits", y, {x, w, b}, [=, &kernels, input = x.value(), x_grad = x.requires_grad()](const Tensor& dy) {
        Tensor dx, dw(ws, DType::f32, device), db({shape.out}, DType::f32, device);
        if (x_grad) {
          dx = Tensor(xs, dtype, device);
          kernels.backward_data(shape, dtype, dy.as<float>(), weight.data(), dx.data());
        }
        kernels.backward_weight(shape, dtype, input.data(), dy.as<float>(), dw.as<float>(), db.as<float>());
        return std::vector<Tensor>{dx, dw, db};
      });
}

}  // namespace pc
