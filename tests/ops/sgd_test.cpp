// sgd: five steps against plain f64 loops, the 16-bit copy, many tensors at once.
#include "kernels/sgd/sgd.h"

#include "tests/ops/optimizer_reference.h"

namespace pc::test {
namespace {

auto stepper(const SgdConfig& config) {
  return [=](Device device, const GradScalerState* state, std::span<const SgdTensor> tensors) {
    PC_KERNELS(sgd, device).step(config, state, tensors);
  };
}

void check(const SgdConfig& config, const GradScalerState& start, Device device, DType low_type) {
  const auto reference = [&](const GradScalerState& scaler, const Values& dw, Parameter& p) {
    for (std::size_t i = 0; i < p.w.size(); ++i) {
      const double g = dw[i] * double(scaler.factor) + double(p.weight_decay) * p.w[i];
      p.v[i] = double(config.momentum) * p.v[i] + g;
      p.w[i] -=
          double(scaler.lr) * double(p.lr_scale) * (config.nesterov ? g + double(config.momentum) * p.v[i] : p.v[i]);
    }
  };
  check_five_steps<SgdTensor>(device, low_type, start, 0.01f, 1e-6, stepper(config), reference);
}

TEST(Sgd, Plain) { check({}, {.lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, Momentum) { check({.momentum = 0.9f}, {.lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, Nesterov) { check({.momentum = 0.9f, .nesterov = true}, {.lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, GradientScale) { check({.momentum = 0.9f}, {.factor = 0.125f, .lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, AFactorOf0ChangesNothing) { check_skipped<SgdTensor>(Device::cpu, stepper({.momentum = 0.9f})); }
TEST(Sgd, SameBitsWithAnyNumberOfThreads) {
  check_threads<SgdTensor>(random_values(100003, 1), stepper({.momentum = 0.9f}));
}
TEST(Sgd, RefusesAnF16Copy) { check_f16_copy_is_refused<SgdTensor>(stepper({})); }

TEST(Sgd, Gpu) {
  PC_NEEDS_GPU();
  for (DType low : {DType::bf16, DType::f16})
    check({.momentum = 0.9f, .nesterov = true}, {.lr = 0.1f}, Device::cuda, low);
  check({}, {.factor = 0.125f, .lr = 0.1f}, Device::cuda, DType::bf16);
  check_skipped<SgdTensor>(Device::cuda, stepper({.momentum = 0.9f}));
  const OffAlignment off;
  check({.momentum = 0.9f}, {.lr = 0.1f}, Device::cuda, DType::bf16);
}

}  // namespace
}  // namespace pc::test
