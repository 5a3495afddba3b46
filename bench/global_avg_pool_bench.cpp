// global_avg_pool over the last maps of ResNet18.
#include "bench/bench.h"
#include "kernels/global_avg_pool/global_avg_pool.h"

namespace pc::bench {
namespace {

struct Buffers {
  Ring x, y;
  Buffers(const GlobalAvgPoolShape& s, DType t, Device d, int copies)
      : x({s.n, s.hw, s.c}, t, d, copies), y({s.n, s.c}, t, d, copies) {}
};

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    const Conv2dShape last = resnet18_convs(input).back().shape;
    const GlobalAvgPoolShape s{.n = input.n, .hw = last.p() * last.q(), .c = last.k};
    const double x = double(s.n) * s.hw * s.c, y = double(s.n) * s.c;
    const Work work{device, dtype, x, (x + y) * double(size_of(dtype))};
    const auto* kernels = &PC_KERNELS(global_avg_pool, device);
    const auto buffers = [=] { return std::make_shared<Buffers>(s, dtype, device, copies_for(work.bytes)); };
    add("forward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      return Subject{work, [=](int64_t i) { kernels->forward(s, dtype, b->x[i], b->y[i]); }, {&b->y}};
    });
    add("backward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      return Subject{work, [=](int64_t i) { kernels->backward(s, dtype, b->y[i], b->x[i]); }, {&b->x}};
    });
  });
}

}  // namespace pc::bench
