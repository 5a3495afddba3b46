// norm_conv over the second convolutions of ResNet18's blocks, as one op and as two: batch_norm, then conv2d. The
// sums of x are given in both cases.
//
// The minimum traffic counted for both is that of the one op: x, w and y forward; dy, x (three times: for both
// gradients, and again after the sums) and dx (written, read and written) backward. Only the two ops write and read the
// map in between.
#include <algorithm>

#include "bench/bench.h"
#include "kernels/base/error.h"
#include "kernels/norm_conv/norm_conv.h"

namespace pc::bench {
namespace {

struct Buffers {
  Conv2dShape s;
  BatchNormShape norm;
  DType dtype;
  Ring x, z, y, dx, dz, w, mask;
  Ring gamma, beta, running_mean, running_var, dgamma, dbeta, dw, saved, y_sums;
  Tensor x_sums;  // the sums that uniform numbers in (-1, 1) have
  Buffers(const Conv2dShape& shape, DType t, Device d, int copies)
      : s(shape),
        norm({.rows = int64_t(s.n) * s.h * s.w, .c = s.c}),
        dtype(t),
        x({s.n, s.h, s.w, s.c}, t, d, copies),
        z(x),
        y({s.n, s.p(), s.q(), s.k}, t, d, copies),
        dx(x),
        dz(x),
        w({s.k, s.r, s.s, s.c}, t, d, 1),
        mask({norm.mask_bytes() / 4 + 1}, DType::f32, d, copies),
        gamma({s.c}, DType::f32, d, 1),
        beta(gamma),
        running_mean(gamma),
        running_var(gamma),
        dgamma(gamma),
        dbeta(gamma),
        dw({s.k, s.r, s.s, s.c}, DType::f32, d, 1),
        saved({kNormConvSavedRows, s.c}, DType::f32, d, copies),
        y_sums({2, s.k}, DType::f32, d, 1) {
    std::vector<float> sums(std::size_t(s.c) * 2);
    std::fill(sums.begin() + s.c, sums.end(), float(norm.rows) / 3);
    x_sums = Tensor::from({2, s.c}, sums, d);
  }
  float* mean(int64_t i) const { return saved.f32(i); }
  float* invstd(int64_t i) const { return saved.f32(i) + s.c; }
};

void forward(const Buffers& b, Device device, int64_t i) {
  PC_KERNELS(norm_conv, device)
      .forward(b.s, {.x = b.x[i],
                     .gamma = b.gamma.f32(0),
                     .beta = b.beta.f32(0),
                     .eps = 1e-5f,
                     .momentum = 0.1f,
                     .running_mean = b.running_mean.f32(0),
                     .running_var = b.running_var.f32(0),
                     .sums = b.x_sums.as<float>(),
                     .w = b.w[0],
                     .y = b.y[i],
                     .y_sums = b.y_sums.f32(0),
                     .saved = b.saved.f32(i)});
}

void backward(const Buffers& b, Device device, int64_t i) {
  PC_KERNELS(norm_conv, device)
      .backward(b.s, {.dy = b.y[i],
                      .x = b.x[i],
                      .w = b.w[0],
                      .gamma = b.gamma.f32(0),
                      .saved = b.saved.f32(i),
                      .branches = true,
                      .dx = b.dx[i],
                      .dgamma = b.dgamma.f32(0),
                      .dbeta = b.dbeta.f32(0),
                      .dw = b.dw.f32(0)});
}

void forward_in_parts(const Buffers& b, Device device, int64_t i) {
  PC_KERNELS(batch_norm, device)
      .forward_train(b.norm, b.dtype,
                     {.x = b.x[i],
                      .gamma = b.gamma.f32(0),
                      .beta = b.beta.f32(0),
                      .eps = 1e-5f,
                      .momentum = 0.1f,
                      .activation = Activation::relu,
                      .running_mean = b.running_mean.f32(0),
                      .running_var = b.running_var.f32(0),
                      .y = b.z[i],
                      .mean = b.mean(i),
                      .invstd = b.invstd(i),
                      .mask = b.mask.at(i).as<uint8_t>(),
                      .sums = b.x_sums.as<float>()});
  PC_KERNELS(conv2d, device).forward(b.s, b.dtype, b.z[i], b.w[0], nullptr, b.y[i]);
}

void backward_in_parts(const Buffers& b, Device device, int64_t i) {
  PC_KERNELS(conv2d, device)
      .backward(b.s, b.dtype, {.x = b.z[i], .w = b.w[0], .dy = b.y[i], .add = false, .dx = b.dz[i], .dw = b.dw.f32(0)});
  PC_KERNELS(batch_norm, device)
      .backward(b.norm, b.dtype,
                {.dy = b.dz[i],
                 .x = b.x[i],
                 .gamma = b.gamma.f32(0),
                 .mean = b.mean(i),
                 .invstd = b.invstd(i),
                 .activation = Activation::relu,
                 .mask = b.mask.at(i).as<uint8_t>(),
                 .dx = b.dx[i],
                 .dgamma = b.dgamma.f32(0),
                 .dbeta = b.dbeta.f32(0)});
}

using Pass = void (*)(const Buffers&, Device, int64_t);

// `ready` computes the inputs of the timed pass; null if it needs none.
void add_pass(const std::string& name, const ConvLayer& layer, Device device, DType dtype, double maps, double ys,
              Pass ready, Pass pass) {
  const Conv2dShape s = layer.shape;
  const double x = double(s.n) * s.h * s.w * s.c, y = double(s.n) * s.p() * s.q() * s.k,
               w = double(s.k) * s.r * s.s * s.c;
  const double bytes = (maps * x + ys * y + ys * w) * double(size_of(dtype));
  add(name + "/" + layer.name, [=] {
    if (pass == forward || pass == backward)
      if (!PC_KERNELS(norm_conv, device).takes(s, dtype))
        fail(Exit::usage, "norm_conv: cuDNN has no engine for " + name);
    const auto b = std::make_shared<Buffers>(s, dtype, device, copies_for(bytes));
    for (int64_t i = 0; ready && i < 32; ++i) ready(*b, device, i);  // every copy of the backward pass's inputs
    return Subject{{device, dtype, ys * 2 * y * s.r * s.s * s.c, bytes, 2},
                   [=](int64_t i) { pass(*b, device, i); },
                   {ready ? &b->dx : &b->y}};
  });
}

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    for (const ConvLayer& layer : resnet18_convs(input)) {
      if (layer.shape.c != layer.shape.k || layer.shape.stride > 1) continue;  // the second of a block
      const std::string where = label(device, dtype, input);
      const auto both = [&](const std::string& form, Pass forth, Pass back) {
        add_pass(form + "forward/" + where, layer, device, dtype, 1, 1, nullptr, forth);
        add_pass(form + "backward/" + where, layer, device, dtype, 6, 2, forth, back);
      };
      if (device == Device::cuda && dtype == DType::f16) both("", forward, backward);
      both("parts_", forward_in_parts, backward_in_parts);
    }
  });
}

}  // namespace pc::bench
