// What the tests of conv2d share: the convolution as loops in f64, its passes on a device, comparison, and the fixture
// of all shapes.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/base/parallel.h"
#include "kernels/cast/cast.h"
#include "kernels/conv2d/conv2d.h"
#include "tests/ops/activation_reference.h"
#include "tests/ops/conv2d_products.h"
#include "tests/ops/guarded_memory.h"

namespace pc::test {

using Numbers = std::vector<float>;

inline std::size_t x_size(const Conv2dShape& s) { return std::size_t(s.n) * s.h * s.w * s.x_channels(); }
inline std::size_t w_size(const Conv2dShape& s) { return std::size_t(s.k) * s.r * s.s * s.group_c(); }
inline std::size_t y_size(const Conv2dShape& s) { return std::size_t(s.n) * s.p() * s.q() * s.k; }

// Multiples of 1/64 in [-1, 1]: bf16 holds them exactly, so one set of inputs serves both types.
inline Numbers numbers(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> step(-64, 64);
  Numbers v(count);
  for (float& a : v) a = float(step(generator)) / 64.0f;
  return v;
}

// A result and, for each element, the sum of the magnitudes of its terms: what rounding errors scale with.
struct Reference {
  std::vector<double> value, magnitude;
  explicit Reference(std::size_t count) : value(count), magnitude(count) {}
  void add(std::size_t i, double term) { value[i] += term, magnitude[i] += std::fabs(term); }
};

inline Reference reference_y(const Conv2dShape& s, const Numbers& x, const Numbers& w) {
  Reference y(y_size(s));
  each_product(s, [&](auto i, auto j, auto o) { y.add(o, double(x[i]) * w[j]); });
  return y;
}
inline Reference reference_dx(const Conv2dShape& s, const Numbers& dy, const Numbers& w) {
  Reference dx(x_size(s));
  each_product(s, [&](auto i, auto j, auto o) { dx.add(i, double(dy[o]) * w[j]); });
  return dx;
}
inline Reference reference_sum(Reference dx, const Numbers& x) {
  for (std::size_t i = 0; i < x.size(); ++i) dx.add(i, x[i]);
  return dx;
}
inline Reference reference_dw(const Conv2dShape& s, const Numbers& x, const Numbers& dy) {
  Reference dw(w_size(s));
  each_product(s, [&](auto i, auto j, auto o) { dw.add(j, double(dy[o]) * x[i]); });
  return dw;
}

// Memory of a device that holds numbers in some type.
class Block {
 public:
  Block(Device device, DType dtype, std::size_t count)
      : dtype_(dtype), count_(count), memory_(device, count * size_of(dtype)) {}
  Block(Device device, DType dtype, const Numbers& v) : Block(device, dtype, v.size()) {
    const Buffer host(Device::cpu, memory_.bytes());
    cast_cpu.forward(int64_t(count_), DType::f32, v.data(), dtype, host.data());
    memory::copy(device, memory_.data(), Device::cpu, host.data(), memory_.bytes());
  }
  void* data() const { return memory_.data(); }
  Numbers read() const {
    Numbers v(count_);
    const Buffer host(Device::cpu, memory_.bytes());
    memory::copy(Device::cpu, host.data(), memory_.device(), memory_.data(), memory_.bytes());
    cast_cpu.forward(int64_t(count_), dtype_, host.data(), DType::f32, v.data());
    return v;
  }

 private:
  DType dtype_;
  std::size_t count_;
  DeviceMemory memory_;
};

inline Numbers forward(Device device, DType t, const Conv2dShape& s, const Numbers& x, const Numbers& w) {
  const Block bx(device, t, x), bw(device, t, w), by(device, t, y_size(s));
  PC_KERNELS(conv2d, device).forward(s, t, bx.data(), bw.data(), nullptr, by.data());
  return by.read();
}
inline Numbers backward_data(Device device, DType t, const Conv2dShape& s, const Numbers& dy, const Numbers& w) {
  const Block bdy(device, t, dy), bw(device, t, w), bdx(device, t, x_size(s));
  PC_KERNELS(conv2d, device).backward_data(s, t, bdy.data(), bw.data(), false, bdx.data());
  return bdx.read();
}
// To what dx holds: x serves as that.
inline Numbers backward_data_add(Device device, DType t, const Conv2dShape& s, const Numbers& dy, const Numbers& w,
                                 const Numbers& x) {
  const Block bdy(device, t, dy), bw(device, t, w), bdx(device, t, x);
  PC_KERNELS(conv2d, device).backward_data(s, t, bdy.data(), bw.data(), true, bdx.data());
  return bdx.read();
}
inline Numbers backward_weight(Device device, DType t, const Conv2dShape& s, const Numbers& x, const Numbers& dy) {
  const Block bx(device, t, x), bdy(device, t, dy), bdw(device, DType::f32, w_size(s));
  PC_KERNELS(conv2d, device).backward_weight(s, t, bx.data(), bdy.data(), static_cast<float*>(bdw.data()));
  return bdw.read();
}

struct Gradients {
  Numbers dx, dw;
};
inline Gradients backward(Device device, DType t, const Conv2dShape& s, const Numbers& x, const Numbers& w,
                          const Numbers& dy) {
  const Block bx(device, t, x), bw(device, t, w), bdy(device, t, dy), bdx(device, t, x_size(s)),
      bdw(device, DType::f32, w_size(s));
  PC_KERNELS(conv2d, device)
      .backward(s, t,
                {.x = bx.data(),
                 .w = bw.data(),
                 .dy = bdy.data(),
                 .add = false,
                 .dx = bdx.data(),
                 .dw = static_cast<float*>(bdw.data())});
  return {bdx.read(), bdw.read()};
}

struct Fused {
  bool bias = false, residual = false;
  Activation activation = Activation::none;
};
// infer with a filter packed for `packed_for`, whose n, h, w may differ from those of s.
inline Numbers infer(Device device, DType t, const Conv2dShape& s, const Conv2dShape& packed_for, Fused f,
                     const Numbers& x, const Numbers& w, const Numbers& bias, const Numbers& residual) {
  const Block bx(device, t, x), bw(device, DType::f32, w), bb(device, DType::f32, bias), br(device, t, residual),
      by(device, t, y_size(s));
  const auto& kernels = PC_KERNELS(conv2d, device);
  const auto filter =
      kernels.pack(packed_for, t, static_cast<float*>(bw.data()), f.bias ? static_cast<float*>(bb.data()) : nullptr);
  kernels.infer(s, *filter, bx.data(), f.residual ? br.data() : nullptr, f.activation, by.data());
  return by.read();
}

// The result of infer from that of the convolution alone.
inline Reference fused(Reference y, Fused f, const Numbers& bias, const Numbers& residual) {
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    if (f.bias) y.add(i, bias[i % bias.size()]);
    if (f.residual) y.add(i, residual[i]);
    y.value[i] = activation_reference(f.activation, y.value[i]);
  }
  return y;
}

inline double rounding_of(DType t) { return t == DType::bf16 ? 0x1p-8 : t == DType::f16 ? 0x1p-11 : 0.0; }

// |got - wanted| <= 1e-5 of the terms' magnitude, and where the result was stored in 16 bits their rounding besides.
inline void expect_close(const Numbers& got, const Reference& wanted, DType stored) {
  ASSERT_EQ(got.size(), wanted.value.size());
  const double rounding = rounding_of(stored);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double tolerance = 1e-5 * wanted.magnitude[i] + rounding * std::fabs(wanted.value[i]) + 1e-30;
    ASSERT_LE(std::fabs(got[i] - wanted.value[i]), tolerance)
        << "element " << i << ": " << got[i] << ", wanted " << wanted.value[i];
  }
}

inline void expect_equal_bits(const Numbers& a, const Numbers& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(a[i]), std::bit_cast<uint32_t>(b[i])) << "element " << i;
}

struct Threads {
  explicit Threads(int count) : before(thread_count()) { set_thread_count(count); }
  ~Threads() { set_thread_count(before); }
  int before;
};

struct Conv2dCase {
  const char* name;
  Conv2dShape shape;
};

class Conv2d : public testing::TestWithParam<Conv2dCase> {
 protected:
  const Conv2dShape s = GetParam().shape;
  const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2), dy = numbers(y_size(s), 3),
                bias = numbers(std::size_t(s.k), 4);
};

}  // namespace pc::test
