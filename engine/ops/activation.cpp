#include "kernels/activation/activation.h"

#include "engine/ops.h"

namespace pc {

Var activation(const Var& x, Activation kind) {
  if (kind == Activation::none) return x;
  const Shape shape = x.shape();
  const DType dtype = x.value().dtype();
  const Device device = x.value().device();
  const int64_t n = x.value().size();
  const auto& kernels = PC_KERNELS(activation, device);
  Tensor y(shape, dtype, device), mask, saved;
  if (kind != Activation::relu)
    saved = x.value();
  else if (x.requires_grad())
    mask = Tensor({relu_mask_bytes(n)}, DType::u8, device);
  kernels.forward(n, dtype, kind, x.value().data(), y.data(), mask.as<uint8_t>());

  return Var::record("activation", y, {x}, [=, &kernels](const Tensor& dy) {
    Tensor dx(shape, dtype, device);
    kernels.backward(n, dtype, kind, dy.data(), saved.data(), mask.as<uint8_t>(), dx.data());
    return std::vector<Tensor>{dx};
  });
}

}  // namespace pc
