#include "bench/op_timing.h"

namespace pc::bench {
namespace {

using test::OpCase;
using test::OpInput;

double bytes_of(const Shape& shape, DType dtype) { return double(element_count(shape)) * double(size_of(dtype)); }

// Copies of the inputs, used in turn.
struct Inputs {
  std::vector<std::vector<Var>> copies;
  Inputs(const OpCase& c, DType dtype, Device device, int count) : copies(std::size_t(count)) {
    for (const OpInput& input : c.inputs) {
      const Ring ring(input.shape, input.f32 ? DType::f32 : dtype, device, count);
      for (int i = 0; i < count; ++i) copies[std::size_t(i)].emplace_back(ring.at(i), input.differentiable);
    }
  }
  const std::vector<Var>& operator[](int64_t i) const { return copies[std::size_t(i) % copies.size()]; }
};

void step(const OpCase& c, const std::vector<Var>& inputs, Tensor& dy) {
  const test::ScopedFusions fusions(c.fusions);
  for (Var input : inputs) input.clear_grad();
  const Var y = c.run(inputs);
  if (dy.empty()) dy = random_tensor(y.shape(), y.value().dtype(), y.value().device(), 2);
  test::backward_from(y, dy);
}

void add_op(const OpCase& c, Device device, DType dtype, const std::string& label) {
  if (dtype != c.only.value_or(dtype)) return;
  double read = 0, gradients = 0;
  for (const OpInput& input : c.inputs) {
    const double bytes = bytes_of(input.shape, input.f32 ? DType::f32 : dtype);
    read += input.reads * bytes;
    gradients += (input.backward_reads + input.differentiable) * bytes;
  }
  const double y = bytes_of(c.y.empty() ? c.inputs[0].shape : c.y, dtype);
  const Work forward{device, dtype, c.flops, read + y};
  const Work both{device, dtype, c.flops + c.backward_flops, forward.bytes + gradients + c.y_reads * y};
  const std::string name = label + "/" + c.name;
  add("forward/" + name, [=] {
    const auto inputs = std::make_shared<Inputs>(c, dtype, device, copies_for(forward.bytes));
    return Subject{forward,
                   [=](int64_t i) {
                     const NoGrad no_grad;
                     const test::ScopedFusions fusions(c.fusions);
                     c.run((*inputs)[i]);
                   },
                   {}};
  });
  add("step/" + name, [=] {
    const auto inputs = std::make_shared<Inputs>(c, dtype, device, copies_for(both.bytes));
    const auto dy = std::make_shared<Tensor>();
    return Subject{both, [=](int64_t i) { step(c, (*inputs)[i], *dy); }, {}};
  });
}

}  // namespace

void add_ops(const std::vector<OpCase>& cases) {
  measure_rooflines();
  for (const Setting& setting : settings())
    for (const DType dtype : setting.dtypes)
      for (const OpCase& c : cases)
        add_op(c, setting.device, dtype, std::string(name_of(setting.device)) + "/" + name_of(dtype));
}

void add_resnet18_ops(const std::function<std::vector<OpCase>(const std::vector<ConvLayer>&, Device, DType)>& cases) {
  measure_rooflines();
  for_each_setting([&](Device device, DType dtype, const Setting::Input& input) {
    for (const OpCase& c : cases(resnet18_convs(input), device, dtype))
      add_op(c, device, dtype, label(device, dtype, input));
  });
}

}  // namespace pc::bench
