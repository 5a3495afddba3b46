// linear over the heads of ResNet18: 7 and 143 classes, and ImageNet's 1000.
#include "bench/bench.h"
#include "kernels/linear/linear.h"

namespace pc::bench {
namespace {

struct Buffers {
  Ring x, w, b, y, dw;
  Buffers(const LinearShape& s, DType t, Device d, int copies)
      : x({s.n, s.in}, t, d, copies),
        w({s.out, s.in}, t, d, copies),
        b({s.out}, DType::f32, d, 1),
        y({s.n, s.out}, DType::f32, d, copies),
        dw({s.out, s.in}, DType::f32, d, copies) {}
};

void add_head(Device device, DType dtype, const LinearShape& s) {
  const double x = double(s.n) * s.in, w = double(s.in) * s.out, y = double(s.n) * s.out;
  const Work work{device, dtype, 2 * x * s.out, (x + w) * double(size_of(dtype)) + 4 * y};
  const auto* kernels = &PC_KERNELS(linear, device);
  const std::string name = std::string(name_of(device)) + "/" + name_of(dtype) + "/b" + std::to_string(s.n) + "/512x" +
                           std::to_string(s.out);
  const auto buffers = [=] { return std::make_shared<Buffers>(s, dtype, device, copies_for(work.bytes)); };
  add("forward/" + name, [=] {
    const auto b = buffers();
    return Subject{
        work, [=](int64_t i) { kernels->forward(s, dtype, b->x[i], b->w[i], b->b.f32(0), b->y.f32(i)); }, {&b->y}};
  });
  add("backward_data/" + name, [=] {
    const auto b = buffers();
    return Subject{work, [=](int64_t i) { kernels->backward_data(s, dtype, b->y.f32(i), b->w[i], b->x[i]); }, {&b->x}};
  });
  add("backward_weight/" + name, [=] {
    const auto b = buffers();
    return Subject{
        work,
        [=](int64_t i) { kernels->backward_weight(s, dtype, b->x[i], b->y.f32(i), b->dw.f32(i), b->b.f32(0)); },
        {&b->dw}};
  });
}

}  // namespace

void register_all() {
  measure_rooflines();
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes)
      for (const int out : {7, 143, 1000})
        add_head(setting.device, dtype, {.n = setting.inputs.front().n, .in = 512, .out = out});
}

}  // namespace pc::bench
