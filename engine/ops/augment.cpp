#include "kernels/augment/augment.h"

#include "engine/ops.h"

namespace pc {

Tensor augment(const AugmentShape& shape, DType dtype, Device device, const AugmentSource& source,
               const std::vector<AugmentSample>& samples) {
  Tensor y({int64_t(samples.size()), shape.out_h, shape.out_w, 3}, dtype, device);
  const std::size_t bytes = samples.size() * sizeof(AugmentSample);
  Buffer table(device, bytes);
  memory::copy(device, table.data(), Device::cpu, samples.data(), bytes);
  AugmentShape full = shape;
  full.n = int(samples.size());
  PC_KERNELS(augment, device).forward(full, dtype, source, table.as<AugmentSample>(), y.data());
  return y;
}

}  // namespace pc
