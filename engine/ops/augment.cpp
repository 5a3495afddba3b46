#include "kernels/augment/augment.h"

#include <fmt/format.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

int picture_channels(Device device, DType dtype) { return PC_KERNELS(conv2d, device).best_channels(3, dtype); }

Tensor augment(const AugmentShape& shape, DType dtype, const AugmentSource& source, const Tensor& samples) {
  const auto n = int64_t(samples.bytes() / sizeof(AugmentSample));
  if (samples.dtype() != DType::u8 || std::size_t(n) * sizeof(AugmentSample) != samples.bytes())
    fail_shape(fmt::format("augment: {} bytes of {} are no samples of {} bytes", samples.bytes(),
                           name_of(samples.dtype()), sizeof(AugmentSample)));
  AugmentShape full = shape;
  full.n = int(n);
  full.channels = picture_channels(samples.device(), dtype);
  Tensor y({n, full.out_h, full.out_w, full.channels}, dtype, samples.device());
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
