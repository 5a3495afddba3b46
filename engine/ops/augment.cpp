#include "kernels/augment/augment.h"

#include <fmt/format.h>

#include "engine/ops.h"
#include "kernels/runtime/error.h"

namespace pc {

Tensor augment(const AugmentShape& shape, DType dtype, const AugmentSource& source, const Tensor& samples) {
  const auto n = int64_t(samples.bytes() / sizeof(AugmentSample));
  if (samples.dtype() != DType::u8 || std::size_t(n) * sizeof(AugmentSample) != samples.bytes())
    fail_shape(fmt::format("augment: {} bytes of {} are no samples of {} bytes", samples.bytes(), name_of(samples.dtype()), sizeof(AugmentSample)));
  Tensor y({n, shape.out_h, shape.out_w, 3}, dtype, samples.device());
  AugmentShape full = shape;
  full.n = int(n);
  PC_KERNELS(augment, samples.device()).forward(full, dtype, source, samples.as<AugmentSample>(), y.data());
  return y;
}

Tensor augment(const AugmentShape& shape, DType dtype, Device device, const AugmentSource& source,
               const std::vector<AugmentSample>& samples) {
  const std::size_t bytes = samples.size() * sizeof(AugmentSample);
  const Tensor table({int64_t(bytes)}, DType::u8, device);
  memory::copy(device, table.data(), Device::cpu, samples.data(), bytes);
  return augment(shape, dtype, source, table);
}

}  // namespace pc
