// adamw: five steps against plain f64 loops, the 16-bit copy, many tensors at once.
#include "kernels/adamw/adamw.h"

#include "tests/ops/optimizer_reference.h"

namespace pc::test {
namespace {

auto stepper(const AdamwConfig& config) {
  return [=](Device device, const GradScalerState* state, std::span<const AdamwTensor> tensors) {
    PC_KERNELS(adamw, device).step(config, state, tensors);
  };
}

void check(const AdamwConfig& config, const GradScalerState& start, Device device, DType low_type) {
  const auto reference = [&](const GradScalerState& scaler, const Values& dw, Parameter& p) {
    const double beta1 = double(config.beta1), beta2 = double(config.beta2),
                 lr = double(scaler.lr) * double(p.lr_scale);
    for (std::size_t i = 0; i < p.w.size(); ++i) {
      const double g = dw[i] * double(scaler.factor);
      p.w[i] *= 1 - lr * double(p.weight_decay);
      p.m[i] = beta1 * p.m[i] + (1 - beta1) * g;
      p.v[i] = beta2 * p.v[i] + (1 - beta2) * g * g;
      const double m = p.m[i] / (1 - std::pow(beta1, double(scaler.updates))),
                   v = p.v[i] / (1 - std::pow(beta2, double(scaler.updates)));
      p.w[i] -= lr * m / (std::sqrt(v) + double(config.eps));
    }
  };
  check_five_steps<AdamwTensor>(device, low_type, start, 0.05f, 1e-9, stepper(config), reference);
}

TEST(Adamw, MatchesReference) { check({}, {.lr = 0.01f}, Device::cpu, DType::bf16); }
TEST(Adamw, GradientScale) { check({}, {.factor = 1.0f / 1024, .lr = 0.01f}, Device::cpu, DType::bf16); }
TEST(Adamw, OtherBetas) {
  check({.beta1 = 0.8f, .beta2 = 0.95f, .eps = 1e-3f}, {.lr = 0.1f}, Device::cpu, DType::bf16);
}
TEST(Adamw, AFactorOf0ChangesNothing) { check_skipped<AdamwTensor>(Device::cpu, stepper({})); }
TEST(Adamw, SameBitsWithAnyNumberOfThreads) { check_threads<AdamwTensor>(Values(100003), stepper({})); }
TEST(Adamw, RefusesAnF16Copy) { check_f16_copy_is_refused<AdamwTensor>(stepper({})); }

TEST(Adamw, Gpu) {
  PC_NEEDS_GPU();
  for (DType low : {DType::bf16, DType::f16}) check({}, {.factor = 0.5f, .lr = 0.01f}, Device::cuda, low);
  check_skipped<AdamwTensor>(Device::cuda, stepper({}));
  const OffAlignment off;
  check({}, {.lr = 0.01f}, Device::cuda, DType::bf16);
}

}  // namespace
}  // namespace pc::test
