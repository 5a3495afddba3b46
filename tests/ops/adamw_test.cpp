// adamw: five steps against plain f64 loops and PyTorch's numbers, the 16-bit copy, many tensors at once.
#include "kernels/adamw/adamw.h"

#include "tests/ops/reference.h"
#include "tests/ops/scaler_state.h"

namespace pc::test {
namespace {

struct Parameter {
  Values w, m, v;
  float weight_decay = 0, lr_scale = 1;
};

void reference_step(const AdamwConfig& config, const GradScalerState& scaler, const Values& dw, Parameter& p) {
  const double beta1 = double(config.beta1), beta2 = double(config.beta2), lr = double(scaler.lr) * double(p.lr_scale);
  for (std::size_t i = 0; i < p.w.size(); ++i) {
    const double g = dw[i] * double(scaler.factor);
    p.w[i] *= 1 - lr * double(p.weight_decay);
    p.m[i] = beta1 * p.m[i] + (1 - beta1) * g;
    p.v[i] = beta2 * p.v[i] + (1 - beta2) * g * g;
    const double m = p.m[i] / (1 - std::pow(beta1, double(scaler.updates))),
                 v = p.v[i] / (1 - std::pow(beta2, double(scaler.updates)));
    p.w[i] -= lr * m / (std::sqrt(v) + double(config.eps));
  }
}

void check(const AdamwConfig& config, GradScalerState scaler, Device device, DType low_type) {
  std::vector<Parameter> want;
  std::vector<Array> w, m, v, low;
  for (int64_t n : element_counts()) {
    want.push_back({.w = random_values(n, uint64_t(n)),
                    .m = Values(std::size_t(n)),
                    .v = Values(std::size_t(n)),
                    .weight_decay = n % 2 ? 0.05f : 0.0f,
                    .lr_scale = n == 16 ? 0.5f : 1.0f});
    w.emplace_back(device, DType::f32, want.back().w);
    m.emplace_back(device, DType::f32, want.back().m);
    v.emplace_back(device, DType::f32, want.back().v);
    low.emplace_back(device, low_type, n);
  }
  for (scaler.updates = 1; scaler.updates <= 5; ++scaler.updates) {
    const ScalerState state(device, scaler);
    std::vector<Array> dw;
    std::vector<AdamwTensor> tensors;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const int64_t n = int64_t(want[i].w.size());
      const Values gradient = random_values(n, 100 + 10 * uint64_t(scaler.updates) + i);
      dw.emplace_back(device, DType::f32, gradient);
      reference_step(config, scaler, gradient, want[i]);
      tensors.push_back({.n = n,
                         .weight_decay = want[i].weight_decay,
                         .lr_scale = want[i].lr_scale,
                         .w = w[i].as<float>(),
                         .dw = dw[i].as<float>(),
                         .m = m[i].as<float>(),
                         .v = v[i].as<float>(),
                         .low = i == 1 ? nullptr : low[i].data(),
                         .low_type = low_type});
    }
    PC_KERNELS(adamw, device).step(config, state.data(), tensors);
    memory::synchronize(device);
  }
  for (std::size_t i = 0; i < want.size(); ++i) {
    expect_close(w[i].values(), want[i].w, {1e-5, 1e-6}, "w");
    expect_close(m[i].values(), want[i].m, {1e-5, 1e-7}, "m");
    expect_close(v[i].values(), want[i].v, {1e-5, 1e-9}, "v");
    if (i != 1) expect_close(low[i].values(), rounded(w[i].values(), low_type), {0, 0}, "low");
  }
}

// torch.optim.AdamW([1, -0.5, 0.25], lr=0.01, weight_decay=0.1), five steps
void check_pytorch(Device device) {
  const Array w(device, DType::f32, Values{1, -0.5, 0.25}), m(device, DType::f32, Values(3)),
      v(device, DType::f32, Values(3));
  for (int t = 0; t < 5; ++t) {
    const Array dw(device, DType::f32, Values{0.1 * (t + 1), -0.2, 0.3 * (t - 2)});
    const AdamwTensor tensor{.n = 3,
                             .weight_decay = 0.1f,
                             .lr_scale = 1,
                             .w = w.as<float>(),
                             .dw = dw.as<float>(),
                             .m = m.as<float>(),
                             .v = v.as<float>(),
                             .low = nullptr,
                             .low_type = DType::bf16};
    const ScalerState state(device, {.lr = 0.01f, .updates = t + 1});
    PC_KERNELS(adamw, device).step({}, state.data(), {&tensor, 1});
    memory::synchronize(device);
  }
  expect_close(w.values(), {0.946599364, -0.447604954, 0.276723683}, {0, 3e-7}, "w");
}

TEST(Adamw, MatchesReference) { check({}, {.lr = 0.01f}, Device::cpu, DType::bf16); }
TEST(Adamw, GradientScale) { check({}, {.factor = 1.0f / 1024, .lr = 0.01f}, Device::cpu, DType::bf16); }
TEST(Adamw, OtherBetas) {
  check({.beta1 = 0.8f, .beta2 = 0.95f, .eps = 1e-3f}, {.lr = 0.1f}, Device::cpu, DType::bf16);
}
TEST(Adamw, MatchesPyTorch) { check_pytorch(Device::cpu); }

// Nothing moves, the moments included.
void check_skipped(Device device) {
  const ScalerState state(device, {.factor = 0, .lr = 0.1f, .updates = 1});
  const Array w(device, DType::f32, Values{1, 2}), m(device, DType::f32, Values{3, 4}),
      v(device, DType::f32, Values{5, 6}), dw(device, DType::f32, Values{double(kNaN), 1});
  const AdamwTensor tensor{.n = 2,
                           .weight_decay = 0.1f,
                           .lr_scale = 1,
                           .w = w.as<float>(),
                           .dw = dw.as<float>(),
                           .m = m.as<float>(),
                           .v = v.as<float>(),
                           .low = nullptr,
                           .low_type = DType::bf16};
  PC_KERNELS(adamw, device).step({}, state.data(), {&tensor, 1});
  expect_close(w.values(), {1, 2}, {0, 0}, "w");
  expect_close(m.values(), {3, 4}, {0, 0}, "m");
  expect_close(v.values(), {5, 6}, {0, 0}, "v");
}
TEST(Adamw, AFactorOf0ChangesNothing) { check_skipped(Device::cpu); }

TEST(Adamw, SameBitsWithAnyNumberOfThreads) {
  const Values start = random_values(100003, 1), gradient = random_values(100003, 2), zero(100003);
  expect_same_bits_with_two_threads([&] {
    const Array w(Device::cpu, DType::f32, start), dw(Device::cpu, DType::f32, gradient);
    const Array m(Device::cpu, DType::f32, zero), v(Device::cpu, DType::f32, zero),
        low(Device::cpu, DType::bf16, 100003);
    const AdamwTensor tensor{.n = 100003,
                             .weight_decay = 0.01f,
                             .lr_scale = 1,
                             .w = w.as<float>(),
                             .dw = dw.as<float>(),
                             .m = m.as<float>(),
                             .v = v.as<float>(),
                             .low = low.data(),
                             .low_type = DType::bf16};
    const GradScalerState state{.lr = 0.1f, .updates = 1};
    adamw_cpu.step({}, &state, {&tensor, 1});
    return joined({&w, &m, &v, &low});
  });
}

TEST(Adamw, RefusesAnF16Copy) {
  float value = 0;
  const AdamwTensor tensor{.n = 1,
                           .weight_decay = 0,
                           .lr_scale = 1,
                           .w = &value,
                           .dw = &value,
                           .m = &value,
                           .v = &value,
                           .low = &value,
                           .low_type = DType::f16};
  const GradScalerState state;
  EXPECT_THROW(adamw_cpu.step({}, &state, {&tensor, 1}), std::logic_error);
}

TEST(Adamw, Gpu) {
  PC_NEEDS_GPU();
  for (DType low : {DType::bf16, DType::f16}) check({}, {.factor = 0.5f, .lr = 0.01f}, Device::cuda, low);
  check_pytorch(Device::cuda);
  check_skipped(Device::cuda);
  const OffAlignment off;
  check({}, {.lr = 0.01f}, Device::cuda, DType::bf16);
}

}  // namespace
}  // namespace pc::test
