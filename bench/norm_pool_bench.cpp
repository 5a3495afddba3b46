// norm_pool after the stem's convolution: the minimum traffic is x twice and y forward, x twice, y, dy and dx backward.
#include "bench/norm_vectors.h"
#include "kernels/norm_pool/norm_pool.h"

namespace pc::bench {
namespace {

struct Buffers : NormVectors {
  Ring x, y, dy, dx, saved;
  Buffers(const NormPoolShape& s, DType t, Device d, int copies)
      : NormVectors(s.pool.c, d),
        x({s.pool.n, s.pool.h, s.pool.w, s.pool.c}, t, d, copies),
        y({s.pool.n, s.pool.p(), s.pool.q(), s.pool.c}, t, d, copies),
        dy(y),
        dx(x),
        saved({PC_KERNELS(norm_pool, d).saved_bytes(s) / 4 + 1}, DType::f32, d, copies) {}
  uint8_t* kept(int64_t i) const { return saved.at(i).as<uint8_t>(); }
};

void run_forward(const NormPoolShape& s, DType dtype, Device device, const Buffers& b, int64_t i) {
  PC_KERNELS(norm_pool, device)
      .forward(s, dtype,
               {.x = b.x[i],
                .gamma = b.gamma.f32(0),
                .beta = b.beta.f32(0),
                .eps = 1e-5f,
                .momentum = 0.1f,
                .running_mean = b.running_mean.f32(0),
                .running_var = b.running_var.f32(0),
                .y = b.y[i],
                .mean = b.mean.f32(0),
                .invstd = b.invstd.f32(0),
                .saved = b.kept(i)});
}

void run_backward(const NormPoolShape& s, DType dtype, Device device, const Buffers& b, int64_t i) {
  PC_KERNELS(norm_pool, device)
      .backward(s, dtype,
                {.dy = b.dy[i],
                 .x = b.x[i],
                 .y = b.y[i],
                 .gamma = b.gamma.f32(0),
                 .beta = b.beta.f32(0),
                 .mean = b.mean.f32(0),
                 .invstd = b.invstd.f32(0),
                 .saved = b.kept(i),
                 .dx = b.dx[i],
                 .dgamma = b.dgamma.f32(0),
                 .dbeta = b.dbeta.f32(0)});
}

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    const Conv2dShape stem = resnet18_convs(input).front().shape;
    const NormPoolShape s{{.n = input.n, .h = stem.p(), .w = stem.q(), .c = stem.k}};
    const double element = double(size_of(dtype)), x = element * double(s.norm().rows) * s.pool.c,
                 y = element * double(s.y_size());
    const auto buffers = [=] { return std::make_shared<Buffers>(s, dtype, device, copies_for(x)); };
    add("forward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      return Subject{{device, dtype, 17 * x / element, 2 * x + y},
                     [=](int64_t i) { run_forward(s, dtype, device, *b, i); },
                     {&b->y}};
    });
    add("backward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      for (int64_t i = 0; i < 32; ++i)
        run_forward(s, dtype, device, *b, i);  // every copy of the backward pass's inputs
      return Subject{{device, dtype, 30 * x / element, 3 * x + 3 * y},
                     [=](int64_t i) { run_backward(s, dtype, device, *b, i); },
                     {&b->dx}};
    });
  });
}

}  // namespace pc::bench
