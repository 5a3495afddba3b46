#include "engine/weight_average.h"

#include "kernels/base/error.h"
#include "kernels/lerp/lerp.h"

namespace pc {
namespace {

// Visits the members of both in parallel: they have the same members in the same order.
void for_members(Module& from, Module& to, const std::function<void(const Tensor& x, Var& y)>& use) {
  std::vector<Var> values;
  from.visit("", [&](const std::string&, Var& value, Role) { values.push_back(value); });
  std::size_t at = 0;
  to.visit("", [&](const std::string& name, Var& value, Role) {
    if (at == values.size() || values[at].shape() != value.shape())
      fail_shape("weight average: " + name + " is not the same in both models");
    use(values[at++].value(), value);
  });
}

}  // namespace

void copy_members(Module& from, Module& to) {
  for_members(from, to, [](const Tensor& x, Var& y) { y.set_value(x.clone()); });
}

void average_members(Module& from, Module& to, float share) {
  std::vector<LerpTensor> tensors;
  Device device = Device::cpu;
  for_members(from, to, [&](const Tensor& x, Var& y) {
    device = x.device();
    tensors.push_back({x.size(), x.as<float>(), y.value().as<float>()});
    y.set_value(y.value());  // drops everything derived from the old value
  });
  PC_KERNELS(lerp, device).update(share, tensors);
}

}  // namespace pc
