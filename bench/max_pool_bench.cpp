// max_pool 3x3/2 after the stem.
#include "bench/bench.h"
#include "kernels/max_pool/max_pool.h"

namespace pc::bench {
namespace {

struct Buffers {
  Ring x, y;
  std::vector<Tensor> index;
  Buffers(const MaxPoolShape& s, DType t, Device d, int copies)
      : x({s.n, s.h, s.w, s.c}, t, d, copies), y({s.n, s.p(), s.q(), s.c}, t, d, copies) {
    for (int i = 0; i < copies; ++i) index.push_back(Tensor::zeros({y.at(0).size()}, DType::u8, d));
  }
  uint8_t* at(int64_t i) const { return index[std::size_t(i) % index.size()].as<uint8_t>(); }
};

}  // namespace

void register_all() {
  measure_rooflines();
  for_each_setting([](Device device, DType dtype, const Setting::Input& input) {
    const Conv2dShape stem = resnet18_convs(input).front().shape;
    const MaxPoolShape s{.n = input.n, .h = stem.p(), .w = stem.q(), .c = stem.k};
    const double x = double(s.n) * s.h * s.w * s.c, y = double(s.n) * s.p() * s.q() * s.c;
    const Work work{device, dtype, y * 9, (x + y) * double(size_of(dtype)) + y};
    const auto* kernels = &PC_KERNELS(max_pool, device);
    const auto buffers = [=] { return std::make_shared<Buffers>(s, dtype, device, copies_for(work.bytes)); };
    add("forward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      return Subject{work, [=](int64_t i) { kernels->forward(s, dtype, b->x[i], b->y[i], b->at(i)); }, {&b->y}};
    });
    add("backward/" + label(device, dtype, input), [=] {
      const auto b = buffers();
      for (int64_t i = 0; i < int64_t(b->index.size()); ++i) kernels->forward(s, dtype, b->x[i], b->y[i], b->at(i));
      return Subject{work, [=](int64_t i) { kernels->backward(s, dtype, b->y[i], b->at(i), b->x[i]); }, {&b->x}};
    });
  });
}

}  // namespace pc::bench
