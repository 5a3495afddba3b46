// batch_norm after each kind of convolution of ResNet18: with ReLU alone, and as the end of a block with the residual.
#include "bench/bench.h"
#include "kernels/batch_norm/batch_norm.h"

namespace pc::bench {
namespace {

struct Buffers {
  Ring x, y, residual, dy, dx, dresidual, mask;
  Ring gamma, beta, mean, invstd, running_mean, running_var, dgamma, dbeta;
  Buffers(const BatchNormShape& s, DType t, Device d, int copies)
      : x({s.rows, s.c}, t, d, copies),
        y(x),
        residual(x),
        dy(x),
        dx(x),
        dresidual(x),
        mask({s.mask_bytes() / 4 + 1}, DType::f32, d, copies),
        gamma({s.c}, DType::f32, d, 1),
        beta(gamma),
        mean(gamma),
        invstd(gamma),
        running_mean(gamma),
        running_var(gamma),
        dgamma(gamma),
        dbeta(gamma) {}
  uint8_t* bits(int64_t i) const { return mask.at(i).as<uint8_t>(); }
};

void add_layer(const std::string& name, const BatchNormShape& s, DType dtype, Device device, bool with_residual,
               int count) {
  const double elements = double(s.rows) * s.c, bytes = elements * double(size_of(dtype)),
               bits = double(s.mask_bytes());
  const auto* kernels = &PC_KERNELS(batch_norm, device);
  const auto buffers = [=] { return std::make_shared<Buffers>(s, dtype, device, copies_for(3 * bytes)); };
  // The statistics need all of x before the first y: x is read twice; so are dy and x on the way back.
  add("forward_train/" + name, [=] {
    const auto b = buffers();
    return Subject{{device, dtype, 8 * elements, (with_residual ? 4 : 3) * bytes + bits, count},
                   [=](int64_t i) {
                     kernels->forward_train(s, dtype,
                                            {.x = b->x[i],
                                             .gamma = b->gamma.f32(0),
                                             .beta = b->beta.f32(0),
                                             .residual = with_residual ? b->residual[i] : nullptr,
                                             .relu = true,
                                             .running_mean = b->running_mean.f32(0),
                                             .running_var = b->running_var.f32(0),
                                             .y = b->y[i],
                                             .mean = b->mean.f32(0),
                                             .invstd = b->invstd.f32(0),
                                             .mask = b->bits(i)});
                   },
                   {&b->y}};
  });
  add("backward/" + name, [=] {
    const auto b = buffers();
    return Subject{{device, dtype, 12 * elements, (with_residual ? 6 : 5) * bytes + 2 * bits, count},
                   [=](int64_t i) {
                     kernels->backward(s, dtype,
                                       {.dy = b->dy[i],
                                        .x = b->x[i],
                                        .gamma = b->gamma.f32(0),
                                        .mean = b->mean.f32(0),
                                        .invstd = b->invstd.f32(0),
                                        .mask = b->bits(i),
                                        .dx = b->dx[i],
                                        .dresidual = with_residual ? b->dresidual[i] : nullptr,
                                        .dgamma = b->dgamma.f32(0),
                                        .dbeta = b->dbeta.f32(0)});
                   },
                   {&b->dx}};
  });
}

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    for (const ConvLayer& layer : resnet18_convs(input)) {
      const Conv2dShape& c = layer.shape;
      const BatchNormShape shape{.rows = int64_t(c.n) * c.p() * c.q(), .c = c.k};
      const std::string name = label(device, dtype, input) + "/" + layer.name;
      const bool block = layer.name.ends_with(".3x3");  // two blocks in every stage end with a residual
      add_layer(name, shape, dtype, device, false, block ? layer.count - 2 : layer.count);
      if (block) add_layer(name + "+residual", shape, dtype, device, true, 2);
    }
  });
}

}  // namespace pc::bench
