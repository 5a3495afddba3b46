#include "kernels/add/add.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

Var add(const Var& a, const Var& b) {
  const Tensor &x = a.value(), &y = b.value();
  if (x.shape() != y.shape() || x.dtype() != y.dtype())
    fail_shape(fmt::format("add: {} {} and {} {} must have one shape and type", name_of(x.dtype()), x.shape(),
                           name_of(y.dtype()), y.shape()));
  Tensor sum(x.shape(), x.dtype(), x.device());
  PC_KERNELS(add, x.device()).forward(x.size(), x.dtype(), x.data(), y.data(), sum.data());
  return Var::record("add", sum, {a, b}, [](const Tensor& dy) { return std::vector<Tensor>{dy, dy}; });
}

}  // namespace pc
