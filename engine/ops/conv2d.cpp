#include "kernels/conv2d/conv2d.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/ops.h"
#include "kernels/base/error.h"
#include "kernels/base/math.h"

namespace pc {
namespace {

// The least padding with which a filter of size r x s meets every stride-th position; the smaller half comes first, as
// in TensorFlow's "SAME".
Padding same_padding(int h, int w, int r, int s, int stride) {
  const auto total = [=](int in, int kernel) {
    return std::max((int(ceil_div(in, stride)) - 1) * stride + kernel - in, 0);
  };
  const int rows = total(h, r), columns = total(w, s);
  return {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2};
}

// [n,c] as the map [n,1,1,c].
Shape as_map(const Shape& s) { return s.size() == 2 ? Shape{s[0], 1, 1, s[1]} : s; }

}  // namespace

Conv2dShape conv2d_shape(Device device, DType dtype, const Shape& x, const Shape& w, const Conv2dOptions& o) {
  const Shape xs = as_map(x), ws = as_map(w);
  if (xs.size() != 4 || ws.size() != 4) fail_shape(fmt::format("conv2d: x {} and w {} must have 4 dimensions", x, w));
  Conv2dShape shape{.n = int(xs[0]),
                    .h = int(xs[1]),
                    .w = int(xs[2]),
                    .c = int(ws[3]) * o.groups,
                    .k = int(ws[0]),
                    .r = int(ws[1]),
                    .s = int(ws[2]),
                    .stride = o.stride,
                    .pad = o.pad,
                    .groups = o.groups};
  if (o.groups < 1 || shape.k % o.groups != 0)
    fail_shape(fmt::format("conv2d: the filters of w {} do not make {} groups", ws, o.groups));
  if (o.same) shape.pad = same_padding(shape.h, shape.w, shape.r, shape.s, shape.stride);
  if (xs[3] != shape.c) {
    if (o.groups == 1) shape.x_c = PC_KERNELS(conv2d, device).best_channels(shape.c, dtype);
    if (xs[3] != shape.x_channels()) fail_shape(fmt::format("conv2d: x has {} channels, w expects {}", xs[3], shape.c));
  }
  if (shape.h + shape.pad.height() < shape.r || shape.w + shape.pad.width() < shape.s)
    fail_shape(fmt::format("conv2d: a {}x{} filter does not fit into {}x{} with pad {}", shape.r, shape.s, shape.h,
                           shape.w, to_string(shape.pad)));
  return shape;
}

Shape conv2d_y_shape(const Shape& x, const Conv2dShape& s) {
  return x.size() == 2 ? Shape{s.n, s.k} : Shape{s.n, s.p(), s.q(), s.k};
}

namespace {

// b and sums may be empty.
Var record_conv2d(const Var& x, const Var& w, const Var& b, const Conv2dOptions& options, Tensor* sums) {
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const Conv2dShape shape = conv2d_shape(device, dtype, x.shape(), w.shape(), options);
  if (!b.empty() && b.shape() != Shape{shape.k})
    fail_shape(fmt::format("conv2d: b {} must be [{}]", b.shape(), shape.k));
  const auto& kernels = PC_KERNELS(conv2d, device);
  const Tensor filter = w.as(dtype);
  Tensor y(conv2d_y_shape(x.shape(), shape), dtype, device);
  bool done = false;
  if (sums && fusions().conv_sums) {
    const Tensor both({2, shape.k}, DType::f32, device);
    done = kernels.forward_sums(shape, dtype, x.value().data(), filter.data(), y.data(), both.as<float>());
    if (done) *sums = both;
  }
  if (!done)
    kernels.forward(shape, dtype, x.value().data(), filter.data(), b.empty() ? nullptr : b.value().as<float>(),
                    y.data());

  return Var::record("conv2d", y, {x, w, b},
                     [=, &kernels, image = x.value(), x_grad = x.requires_grad(), w_grad = w.requires_grad(),
                      b_grad = b.requires_grad()](const Tensor& dy) {
                       Tensor dx, dw, db;
                       if (x_grad && fusions().dgrad_add) dx = x.take_partial_grad();
                       const bool add = !dx.empty();
                       if (x_grad && !add) dx = Tensor(image.shape(), dtype, device);
                       if (w_grad) dw = Tensor(filter.shape(), DType::f32, device);
                       if (x_grad && w_grad && fusions().branches) {
                         kernels.backward(shape, dtype,
                                          {.x = image.data(),
                                           .w = filter.data(),
                                           .dy = dy.data(),
                                           .add = add,
                                           .dx = dx.data(),
                                           .dw = dw.as<float>()});
                       } else {
                         if (x_grad) kernels.backward_data(shape, dtype, dy.data(), filter.data(), add, dx.data());
                         if (w_grad) kernels.backward_weight(shape, dtype, image.data(), dy.data(), dw.as<float>());
                       }
                       if (b_grad) {
                         db = Tensor({shape.k}, DType::f32, device);
                         kernels.backward_bias(shape, dtype, dy.data(), db.as<float>());
                       }
                       return std::vector<Tensor>{dx, dw, db};
                     });
}

}  // namespace

Var conv2d(const Var& x, const Var& w, const Conv2dOptions& options, Tensor* sums) {
  return record_conv2d(x, w, Var(), options, sums);
}

Var conv2d(const Var& x, const Var& w, const Var& b, const Conv2dOptions& options) {
  return record_conv2d(x, w, b, options, nullptr);
}

}  // namespace pc
