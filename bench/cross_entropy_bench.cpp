// cross_entropy over the logits of small and large heads.
#include "bench/bench.h"
#include "engine/ops.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace pc::bench {
namespace {

struct Buffers {
  Ring x, dlogits, loss;
  Tensor minus_one;  // the gradient of the loss: values that are scaled repeatedly neither grow nor vanish
  Targets targets;
  Buffers(const CrossEntropyShape& s, Device d, int copies)
      : x({s.n, s.classes}, DType::f32, d, copies),
        dlogits(x),
        loss({1}, DType::f32, d, 1),
        minus_one(Tensor::full({}, -1, d)) {
    std::vector<int32_t> labels;
    for (int i = 0; i < s.n; ++i) labels.push_back(i * 7919 % s.classes);
    targets = Targets::of(labels, d);
  }
};

void add_head(Device device, const CrossEntropyShape& s) {
  const double x = double(s.n) * s.classes;
  const auto* kernels = &PC_KERNELS(cross_entropy, device);
  const std::string name =
      std::string(name_of(device)) + "/f32/b" + std::to_string(s.n) + "/" + std::to_string(s.classes);
  const auto buffers = [=] { return std::make_shared<Buffers>(s, device, copies_for(8 * x)); };
  add("forward/" + name, [=] {
    const auto b = buffers();
    return Subject{{device, DType::f32, 10 * x, 8 * x},
                   [=](int64_t i) {
                     kernels->forward(s, b->x.f32(i), {.a = b->targets.a.as<int32_t>()}, b->loss.f32(0),
                                      b->dlogits.f32(i));
                   },
                   {&b->loss, &b->dlogits}};
  });
  add("backward/" + name, [=] {
    const auto b = buffers();
    return Subject{{device, DType::f32, x, 8 * x},
                   [=](int64_t i) { kernels->backward(s, b->minus_one.as<float>(), b->dlogits.f32(i)); },
                   {&b->dlogits}};
  });
}

}  // namespace

void register_all() {
  measure_rooflines();
  for (const Setting& setting : settings())
    for (const int classes : {7, 143, 1000})
      add_head(setting.device, {.n = setting.inputs.front().n, .classes = classes, .smoothing = 0.1f});
}

}  // namespace pc::bench
