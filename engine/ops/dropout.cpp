#include "kernels/dropout/dropout.h"

#include <fmt/format.h>

#include <cstring>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {
namespace {

Var drop(const char* op, const Var& x, const DropoutOptions& options, bool whole_image) {
  if (!(options.p >= 0 && options.p < 1)) fail_shape(fmt::format("{}: p is {}, expected 0 <= p < 1", op, options.p));
  if (!options.training || options.p == 0) return x;
  const Shape xs = x.shape();
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const Tensor batch = options.batch;
  if (xs.empty() || std::size_t(batch.size()) != sizeof(DropoutBatch) + std::size_t(xs[0]) * sizeof(uint64_t))
    fail_shape(fmt::format("{}: x {} does not have the images of the batch", op, to_string(xs)));
  const DropoutShape shape{.n = xs[0],
                           .elements = x.value().size() / xs[0],
                           .p = options.p,
                           .layer = options.layer,
                           .whole_image = whole_image};
  const auto& kernels = PC_KERNELS(dropout, device);
  Tensor y(xs, dtype, device);
  kernels.apply(shape, dtype, batch.as<DropoutBatch>(), x.value().data(), y.data());

  return Var::record(op, y, {x}, [=, &kernels](const Tensor& dy) {
    Tensor dx(xs, dtype, device);
    kernels.apply(shape, dtype, batch.as<DropoutBatch>(), dy.data(), dx.data());
    return std::vector<Tensor>{dx};
  });
}

}  // namespace

Tensor dropout_batch(uint64_t seed, uint64_t epoch, const std::vector<uint64_t>& images, Device device) {
  std::vector<uint64_t> numbers{seed, epoch};
  numbers.insert(numbers.end(), images.begin(), images.end());
  std::vector<uint8_t> bytes(numbers.size() * sizeof numbers[0]);
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return Tensor::from({int64_t(bytes.size())}, bytes, device);
}

Var dropout(const Var& x, const DropoutOptions& options) { return drop("dropout", x, options, false); }
Var drop_path(const Var& x, const DropoutOptions& options) { return drop("drop_path", x, options, true); }

}  // namespace pc
