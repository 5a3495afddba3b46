// norm_mean at the end of ResNet18: the minimum traffic is x twice and the residual once forward, x once, dx and
// dresidual backward; saved data, one number per image and channel and one bit per element, is not counted.
#include "bench/norm_vectors.h"
#include "kernels/norm_mean/norm_mean.h"

namespace pc::bench {
namespace {

struct Buffers : NormVectors {
  Ring x, residual, dx, dresidual, y, dy, saved;
  Buffers(const NormMeanShape& s, DType t, Device d, int copies)
      : NormVectors(s.c, d),
        x({s.n, s.hw, s.c}, t, d, copies),
        residual(x),
        dx(x),
        dresidual(x),
        y({s.n, s.c}, t, d, copies),
        dy(y),
        saved({PC_KERNELS(norm_mean, d).saved_bytes(s) / 4 + 1}, DType::f32, d, copies) {}
  uint8_t* kept(int64_t i) const { return saved.at(i).as<uint8_t>(); }
};

void run_forward(const NormMeanShape& s, DType dtype, Device device, const Buffers& b, int64_t i) {
  PC_KERNELS(norm_mean, device)
      .forward_train(s, dtype,
                     {.x = b.x[i],
                      .gamma = b.gamma.f32(0),
                      .beta = b.beta.f32(0),
                      .eps = 1e-5f,
                      .momentum = 0.1f,
                      .residual = b.residual[i],
                      .running_mean = b.running_mean.f32(0),
                      .running_var = b.running_var.f32(0),
                      .y = b.y[i],
                      .mean = b.mean.f32(0),
                      .invstd = b.invstd.f32(0),
                      .mask = b.kept(i)});
}

void run_backward(const NormMeanShape& s, DType dtype, Device device, const Buffers& b, int64_t i) {
  PC_KERNELS(norm_mean, device)
      .backward(s, dtype,
                {.dy = b.dy[i],
                 .x = b.x[i],
                 .gamma = b.gamma.f32(0),
                 .mean = b.mean.f32(0),
                 .invstd = b.invstd.f32(0),
                 .mask = b.kept(i),
                 .dx = b.dx[i],
                 .dresidual = b.dresidual[i],
                 .dgamma = b.dgamma.f32(0),
                 .dbeta = b.dbeta.f32(0)});
}

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    const Conv2dShape last = resnet18_convs(input).back().shape;
    const NormMeanShape s{.n = input.n, .hw = last.p() * last.q(), .c = last.k};
    const double elements = double(s.norm().rows) * s.c, bytes = 3 * elements * double(size_of(dtype));
    const auto buffers = [=] { return std::make_shared<Buffers>(s, dtype, device, copies_for(bytes)); };
    add("forward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      return Subject{
          {device, dtype, 10 * elements, bytes}, [=](int64_t i) { run_forward(s, dtype, device, *b, i); }, {&b->y}};
    });
    add("backward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      for (int64_t i = 0; i < 32; ++i)
        run_forward(s, dtype, device, *b, i);  // every copy of the backward pass's inputs
      return Subject{{device, dtype, 5 * elements, bytes},
                     [=](int64_t i) { run_backward(s, dtype, device, *b, i); },
                     {&b->dx, &b->dresidual}};
    });
  });
}

}  // namespace pc::bench
