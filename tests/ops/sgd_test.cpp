// sgd: five steps against plain f64 loops and PyTorch's numbers, the 16-bit copy, many tensors at once.
#include "kernels/sgd/sgd.h"

#include "tests/ops/reference.h"
#include "tests/ops/scaler_state.h"

namespace pc::test {
namespace {

struct Parameter {
  Values w, v;
  float weight_decay = 0, lr_scale = 1;
};

void reference_step(const SgdConfig& config, const GradScalerState& scaler, const Values& dw, Parameter& p) {
  for (std::size_t i = 0; i < p.w.size(); ++i) {
    const double g = dw[i] * double(scaler.factor) + double(p.weight_decay) * p.w[i];
    p.v[i] = double(config.momentum) * p.v[i] + g;
    p.w[i] -=
        double(scaler.lr) * double(p.lr_scale) * (config.nesterov ? g + double(config.momentum) * p.v[i] : p.v[i]);
  }
}

// Five steps of all parameters in one call each, kernel and reference side by side.
void check(const SgdConfig& config, const GradScalerState& scaler, Device device, DType low_type) {
  const ScalerState state(device, scaler);
  std::vector<Parameter> want;
  std::vector<Array> w, v, low;
  for (int64_t n : element_counts()) {
    want.push_back({.w = random_values(n, uint64_t(n)),
                    .v = Values(std::size_t(n)),
                    .weight_decay = n % 2 ? 0.01f : 0.0f,
                    .lr_scale = n == 16 ? 0.5f : 1.0f});
    w.emplace_back(device, DType::f32, want.back().w);
    v.emplace_back(device, DType::f32, want.back().v);
    low.emplace_back(device, low_type, n);
  }
  for (uint64_t step = 0; step < 5; ++step) {
    std::vector<Array> dw;
    std::vector<SgdTensor> tensors;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const int64_t n = int64_t(want[i].w.size());
      const Values gradient = random_values(n, 100 + 10 * step + i);
      dw.emplace_back(device, DType::f32, gradient);
      reference_step(config, scaler, gradient, want[i]);
      tensors.push_back({.n = n,
                         .weight_decay = want[i].weight_decay,
                         .lr_scale = want[i].lr_scale,
                         .w = w[i].as<float>(),
                         .dw = dw[i].as<float>(),
                         .v = v[i].as<float>(),
                         .low = i == 1 ? nullptr : low[i].data(),
                         .low_type = low_type});
    }
    PC_KERNELS(sgd, device).step(config, state.data(), tensors);
    memory::synchronize(device);
  }
  for (std::size_t i = 0; i < want.size(); ++i) {
    expect_close(w[i].values(), want[i].w, {1e-5, 1e-6}, "w");
    expect_close(v[i].values(), want[i].v, {1e-5, 1e-6}, "v");
    if (i != 1) expect_close(low[i].values(), rounded(w[i].values(), low_type), {0, 0}, "low");
  }
}

void check_pytorch(const SgdConfig& config, float weight_decay, const Values& want, Device device) {
  const ScalerState state(device, {.lr = 0.1f});
  const Array w(device, DType::f32, Values{1, -0.5, 0.25}), v(device, DType::f32, Values(3));
  for (int t = 0; t < 5; ++t) {
    const Array dw(device, DType::f32, Values{0.1 * (t + 1), -0.2, 0.3 * (t - 2)});
    const SgdTensor tensor{.n = 3,
                           .weight_decay = weight_decay,
                           .lr_scale = 1,
                           .w = w.as<float>(),
                           .dw = dw.as<float>(),
                           .v = v.as<float>(),
                           .low = nullptr,
                           .low_type = DType::bf16};
    PC_KERNELS(sgd, device).step(config, state.data(), {&tensor, 1});
    memory::synchronize(device);
  }
  expect_close(w.values(), want, {0, 3e-7}, "w");
}

void check_pytorch_all(Device device) {
  check_pytorch({}, 0, {0.849999964, -0.399999946, 0.25}, device);
  check_pytorch({.momentum = 0.9f}, 0.01f, {0.670361936, -0.23118107, 0.477327526}, device);
  check_pytorch({.momentum = 0.9f, .nesterov = true}, 0.01f, {0.549112856, -0.156393677, 0.45194754}, device);
}

TEST(Sgd, Plain) { check({}, {.lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, Momentum) { check({.momentum = 0.9f}, {.lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, Nesterov) { check({.momentum = 0.9f, .nesterov = true}, {.lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, GradientScale) { check({.momentum = 0.9f}, {.factor = 0.125f, .lr = 0.1f}, Device::cpu, DType::bf16); }
TEST(Sgd, MatchesPyTorch) { check_pytorch_all(Device::cpu); }

// Nothing moves, the momentum included.
void check_skipped(Device device) {
  const ScalerState state(device, {.factor = 0, .lr = 0.1f});
  const Array w(device, DType::f32, Values{1, 2}), v(device, DType::f32, Values{3, 4}),
      dw(device, DType::f32, Values{double(kNaN), 1});
  const SgdTensor tensor{.n = 2,
                         .weight_decay = 0.1f,
                         .lr_scale = 1,
                         .w = w.as<float>(),
                         .dw = dw.as<float>(),
                         .v = v.as<float>(),
                         .low = nullptr,
                         .low_type = DType::bf16};
  PC_KERNELS(sgd, device).step({.momentum = 0.9f}, state.data(), {&tensor, 1});
  expect_close(w.values(), {1, 2}, {0, 0}, "w");
  expect_close(v.values(), {3, 4}, {0, 0}, "v");
}
TEST(Sgd, AFactorOf0ChangesNothing) { check_skipped(Device::cpu); }

TEST(Sgd, SameBitsWithAnyNumberOfThreads) {
  const Values start = random_values(100003, 1), gradient = random_values(100003, 2);
  expect_same_bits_with_two_threads([&] {
    const Array w(Device::cpu, DType::f32, start), v(Device::cpu, DType::f32, start),
        dw(Device::cpu, DType::f32, gradient);
    const Array low(Device::cpu, DType::bf16, 100003);
    const SgdTensor tensor{.n = 100003,
                           .weight_decay = 0.01f,
                           .lr_scale = 1,
                           .w = w.as<float>(),
                           .dw = dw.as<float>(),
                           .v = v.as<float>(),
                           .low = low.data(),
                           .low_type = DType::bf16};
    const GradScalerState state{.lr = 0.1f};
    sgd_cpu.step({.momentum = 0.9f}, &state, {&tensor, 1});
    return joined({&w, &v, &low});
  });
}

TEST(Sgd, RefusesAnF16Copy) {
  float value = 0;
  const SgdTensor tensor{.n = 1,
                         .weight_decay = 0,
                         .lr_scale = 1,
                         .w = &value,
                         .dw = &value,
                         .v = &value,
                         .low = &value,
                         .low_type = DType::f16};
  const GradScalerState state;
  EXPECT_THROW(sgd_cpu.step({}, &state, {&tensor, 1}), std::logic_error);
}

TEST(Sgd, Gpu) {
  PC_NEEDS_GPU();
  for (DType low : {DType::bf16, DType::f16})
    check({.momentum = 0.9f, .nesterov = true}, {.lr = 0.1f}, Device::cuda, low);
  check({}, {.factor = 0.125f, .lr = 0.1f}, Device::cuda, DType::bf16);
  check_pytorch_all(Device::cuda);
  check_skipped(Device::cuda);
  const OffAlignment off;
  check({.momentum = 0.9f}, {.lr = 0.1f}, Device::cuda, DType::bf16);
}

}  // namespace
}  // namespace pc::test
