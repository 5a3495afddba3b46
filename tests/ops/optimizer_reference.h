// What the tests of sgd and adamw share. PyTorch's numbers: engine/optimizer_test.cpp.
// T is the kernel's tensor, Step calls the kernel: (device, state, tensors).
#pragma once

#include <span>

#include "tests/ops/reference.h"
#include "tests/ops/scaler_state.h"

namespace pc::test {

struct Parameter {
  Values w, m, v;  // sgd has no m
  float weight_decay = 0, lr_scale = 1;
};

// A parameter on a device.
struct OptimizerArrays {
  OptimizerArrays(Device device, const Parameter& p, DType type)
      : n(int64_t(p.w.size())),
        low_type(type),
        w(device, DType::f32, p.w),
        m(device, DType::f32, p.m),
        v(device, DType::f32, p.v),
        low(device, type, n) {}
  template <class T>
  T with(const Array& dw, const Parameter& p, bool has_low = true) const {
    T tensor;
    tensor.n = n;
    tensor.weight_decay = p.weight_decay;
    tensor.lr_scale = p.lr_scale;
    tensor.w = w.as<float>();
    tensor.dw = dw.as<float>();
    if constexpr (requires { tensor.m; }) tensor.m = m.as<float>();
    tensor.v = v.as<float>();
    tensor.low = has_low ? low.data() : nullptr;
    tensor.low_type = low_type;
    return tensor;
  }
  int64_t n;
  DType low_type;
  Array w, m, v, low;
};

// Five steps of many tensors at once against reference(scaler, gradient, parameter), in plain f64; the second tensor has no 16-bit copy.
template <class T, class Step, class Reference>
void check_five_steps(Device device, DType low_type, GradScalerState scaler, float weight_decay, double v_absolute,
                      const Step& step, const Reference& reference) {
  std::vector<Parameter> want;
  std::vector<OptimizerArrays> arrays;
  for (int64_t n : element_counts()) {
    want.push_back({.w = random_values(n, uint64_t(n)),
                    .m = Values(std::size_t(n)),
                    .v = Values(std::size_t(n)),
                    .weight_decay = n % 2 ? weight_decay : 0.0f,
                    .lr_scale = n == 16 ? 0.5f : 1.0f});
    arrays.emplace_back(device, want.back(), low_type);
  }
  for (scaler.updates = 1; scaler.updates <= 5; ++scaler.updates) {
    const ScalerState state(device, scaler);
    std::vector<Array> dw;
    std::vector<T> tensors;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const Values gradient = random_values(arrays[i].n, 100 + 10 * uint64_t(scaler.updates) + i);
      dw.emplace_back(device, DType::f32, gradient);
      reference(scaler, gradient, want[i]);
      tensors.push_back(arrays[i].with<T>(dw.back(), want[i], i != 1));
    }
    step(device, state.data(), tensors);
    memory::synchronize(device);
  }
  for (std::size_t i = 0; i < want.size(); ++i) {
    expect_close(arrays[i].w.values(), want[i].w, {1e-5, 1e-6}, "w");
    expect_close(arrays[i].m.values(), want[i].m, {1e-5, 1e-7}, "m");
    expect_close(arrays[i].v.values(), want[i].v, {1e-5, v_absolute}, "v");
    if (i != 1) expect_close(arrays[i].low.values(), rounded(arrays[i].w.values(), low_type), {0, 0}, "low");
  }
}

// With a factor of 0 nothing moves, the moments included.
template <class T, class Step>
void check_skipped(Device device, const Step& step) {
  const ScalerState state(device, {.factor = 0, .lr = 0.1f, .updates = 1});
  const Parameter p{.w = {1, 2}, .m = {3, 4}, .v = {5, 6}, .weight_decay = 0.1f};
  const OptimizerArrays arrays(device, p, DType::bf16);
  const Array dw(device, DType::f32, Values{double(kNaN), 1});
  const T tensor = arrays.with<T>(dw, p, false);
  step(device, state.data(), std::span(&tensor, 1));
  expect_close(arrays.w.values(), p.w, {0, 0}, "w");
  expect_close(arrays.m.values(), p.m, {0, 0}, "m");
  expect_close(arrays.v.values(), p.v, {0, 0}, "v");
}

template <class T, class Step>
void check_threads(const Values& v, const Step& step) {
  const Parameter p{.w = random_values(100003, 1), .m = Values(100003), .v = v, .weight_decay = 0.01f};
  const Array dw(Device::cpu, DType::f32, random_values(100003, 2));
  expect_same_bits_with_two_threads([&] {
    const OptimizerArrays arrays(Device::cpu, p, DType::bf16);
    const T tensor = arrays.with<T>(dw, p);
    const GradScalerState state{.lr = 0.1f, .updates = 1};
    step(Device::cpu, &state, std::span(&tensor, 1));
    return joined({&arrays.w, &arrays.m, &arrays.v, &arrays.low});
  });
}

template <class T, class Step>
void check_f16_copy_is_refused(const Step& step) {
  const Parameter p{.w = {1}, .m = {1}, .v = {1}};
  const OptimizerArrays arrays(Device::cpu, p, DType::f16);
  const T tensor = arrays.with<T>(arrays.w, p);
  const GradScalerState state;
  EXPECT_THROW(step(Device::cpu, &state, std::span(&tensor, 1)), std::logic_error);
}

}  // namespace pc::test
