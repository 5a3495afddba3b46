// conv2d against loops in f64: every direction, both element types, inference, threads, and the GPU against the CPU.
#include "kernels/conv2d/conv2d.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/cast/cast.h"
#include "kernels/runtime/memory.h"
#include "kernels/runtime/parallel.h"

namespace pc {
namespace {

using Numbers = std::vector<float>;

std::size_t x_size(const Conv2dShape& s) { return std::size_t(s.n) * s.h * s.w * s.x_channels(); }
std::size_t w_size(const Conv2dShape& s) { return std::size_t(s.k) * s.r * s.s * s.c; }
std::size_t y_size(const Conv2dShape& s) { return std::size_t(s.n) * s.p() * s.q() * s.k; }

// Multiples of 1/64 in [-1, 1]: bf16 holds them exactly, so one set of inputs serves both types.
Numbers numbers(std::size_t count, unsigned seed) {
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

// Calls f(index in x, index in w, index in y) for every product of the convolution.
template <class F>
void each_product(const Conv2dShape& s, F f) {
  for (int n = 0; n < s.n; ++n)
    for (int p = 0; p < s.p(); ++p)
      for (int q = 0; q < s.q(); ++q)
        for (int r = 0; r < s.r; ++r)
          for (int t = 0; t < s.s; ++t) {
            const int h = p * s.stride + r - s.pad, w = q * s.stride + t - s.pad;
            if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
            for (int k = 0; k < s.k; ++k)
              for (int c = 0; c < s.c; ++c)
                f((std::size_t(n * s.h + h) * s.w + w) * s.c + c, (std::size_t(k * s.r + r) * s.s + t) * s.c + c,
                  (std::size_t(n * s.p() + p) * s.q() + q) * s.k + k);
          }
}

Reference reference_y(const Conv2dShape& s, const Numbers& x, const Numbers& w) {
  Reference y(y_size(s));
  each_product(s, [&](auto i, auto j, auto o) { y.add(o, double(x[i]) * w[j]); });
  return y;
}
Reference reference_dx(const Conv2dShape& s, const Numbers& dy, const Numbers& w) {
  Reference dx(x_size(s));
  each_product(s, [&](auto i, auto j, auto o) { dx.add(i, double(dy[o]) * w[j]); });
  return dx;
}
Reference reference_sum(Reference dx, const Numbers& x) {
  for (std::size_t i = 0; i < x.size(); ++i) dx.add(i, x[i]);
  return dx;
}
Reference reference_dw(const Conv2dShape& s, const Numbers& x, const Numbers& dy) {
  Reference dw(w_size(s));
  each_product(s, [&](auto i, auto j, auto o) { dw.add(j, double(dy[o]) * x[i]); });
  return dw;
}

// Memory of a device that holds numbers in some type; guard words around it are checked when it goes.
class Block {
 public:
  Block(Device device, DType dtype, std::size_t count)
      : dtype_(dtype), count_(count), buffer_(device, count * size_of(dtype)) {}
  Block(Device device, DType dtype, const Numbers& v) : Block(device, dtype, v.size()) {
    const Buffer host(Device::cpu, buffer_.bytes());
    cast_cpu.forward(int64_t(count_), DType::f32, v.data(), dtype, host.data());
    memory::copy(device, buffer_.data(), Device::cpu, host.data(), buffer_.bytes());
  }
  void* data() const { return buffer_.data(); }
  Numbers read() const {
    Numbers v(count_);
    const Buffer host(Device::cpu, buffer_.bytes());
    memory::copy(Device::cpu, host.data(), buffer_.device(), buffer_.data(), buffer_.bytes());
    cast_cpu.forward(int64_t(count_), dtype_, host.data(), DType::f32, v.data());
    return v;
  }

 private:
  DType dtype_;
  std::size_t count_;
  Buffer buffer_;
};

Numbers forward(Device device, DType t, const Conv2dShape& s, const Numbers& x, const Numbers& w) {
  const Block bx(device, t, x), bw(device, t, w), by(device, t, y_size(s));
  PC_KERNELS(conv2d, device).forward(s, t, bx.data(), bw.data(), by.data());
  return by.read();
}
Numbers backward_data(Device device, DType t, const Conv2dShape& s, const Numbers& dy, const Numbers& w) {
  const Block bdy(device, t, dy), bw(device, t, w), bdx(device, t, x_size(s));
  PC_KERNELS(conv2d, device).backward_data(s, t, bdy.data(), bw.data(), false, bdx.data());
  return bdx.read();
}
// To what dx holds: x serves as that.
Numbers backward_data_add(Device device, DType t, const Conv2dShape& s, const Numbers& dy, const Numbers& w,
                          const Numbers& x) {
  const Block bdy(device, t, dy), bw(device, t, w), bdx(device, t, x);
  PC_KERNELS(conv2d, device).backward_data(s, t, bdy.data(), bw.data(), true, bdx.data());
  return bdx.read();
}
Numbers backward_weight(Device device, DType t, const Conv2dShape& s, const Numbers& x, const Numbers& dy) {
  const Block bx(device, t, x), bdy(device, t, dy), bdw(device, DType::f32, w_size(s));
  PC_KERNELS(conv2d, device).backward_weight(s, t, bx.data(), bdy.data(), static_cast<float*>(bdw.data()));
  return bdw.read();
}

struct Gradients {
  Numbers dx, dw;
};
Gradients backward(Device device, DType t, const Conv2dShape& s, const Numbers& x, const Numbers& w,
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
  bool bias, residual, relu;
};
// infer with a filter packed for `packed_for`, whose n, h, w may differ from those of s.
Numbers infer(Device device, DType t, const Conv2dShape& s, const Conv2dShape& packed_for, Fused f, const Numbers& x,
              const Numbers& w, const Numbers& bias, const Numbers& residual) {
  const Block bx(device, t, x), bw(device, DType::f32, w), bb(device, DType::f32, bias), br(device, t, residual),
      by(device, t, y_size(s));
  const auto& kernels = PC_KERNELS(conv2d, device);
  const auto filter =
      kernels.pack(packed_for, t, static_cast<float*>(bw.data()), f.bias ? static_cast<float*>(bb.data()) : nullptr);
  kernels.infer(s, *filter, bx.data(), f.residual ? br.data() : nullptr, f.relu, by.data());
  return by.read();
}

// |got - wanted| <= 1e-5 of the terms' magnitude, and where the result was stored in 16 bits their rounding besides.
void expect_close(const Numbers& got, const Reference& wanted, DType stored) {
  ASSERT_EQ(got.size(), wanted.value.size());
  const double rounding = stored == DType::bf16 ? 0x1p-8 : stored == DType::f16 ? 0x1p-11 : 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double tolerance = 1e-5 * wanted.magnitude[i] + rounding * std::fabs(wanted.value[i]) + 1e-30;
    ASSERT_LE(std::fabs(got[i] - wanted.value[i]), tolerance)
        << "element " << i << ": " << got[i] << ", wanted " << wanted.value[i];
  }
}

void expect_equal_bits(const Numbers& a, const Numbers& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(a[i]), std::bit_cast<uint32_t>(b[i])) << "element " << i;
}

struct Threads {
  explicit Threads(int count) : before(thread_count()) { set_thread_count(count); }
  ~Threads() { set_thread_count(before); }
  int before;
};

struct Case {
  const char* name;
  Conv2dShape shape;
};

class Conv2d : public testing::TestWithParam<Case> {
 protected:
  const Conv2dShape s = GetParam().shape;
  const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2), dy = numbers(y_size(s), 3),
                bias = numbers(std::size_t(s.k), 4);
};

TEST_P(Conv2d, Forward) {
  const Reference wanted = reference_y(s, x, w);
  for (DType t : {DType::f32, DType::bf16}) {
    SCOPED_TRACE(name_of(t));
    expect_close(forward(Device::cpu, t, s, x, w), wanted, t);
  }
}

TEST_P(Conv2d, BackwardData) {
  const Reference wanted = reference_dx(s, dy, w);
  for (DType t : {DType::f32, DType::bf16}) {
    SCOPED_TRACE(name_of(t));
    expect_close(backward_data(Device::cpu, t, s, dy, w), wanted, t);
  }
}

TEST_P(Conv2d, BackwardDataAdds) {
  const Reference wanted = reference_sum(reference_dx(s, dy, w), x);
  for (DType t : {DType::f32, DType::bf16}) {
    SCOPED_TRACE(name_of(t));
    expect_close(backward_data_add(Device::cpu, t, s, dy, w, x), wanted, t);  // one rounding: two would not fit
  }
}

TEST_P(Conv2d, BackwardWeight) {
  const Reference wanted = reference_dw(s, x, dy);
  for (DType t : {DType::f32, DType::bf16}) {
    SCOPED_TRACE(name_of(t));
    expect_close(backward_weight(Device::cpu, t, s, x, dy), wanted, DType::f32);
  }
}

TEST_P(Conv2d, BothGradientsAreThoseOfEachPass) {
  const Gradients both = backward(Device::cpu, DType::bf16, s, x, w, dy);
  expect_equal_bits(both.dx, backward_data(Device::cpu, DType::bf16, s, dy, w));
  expect_equal_bits(both.dw, backward_weight(Device::cpu, DType::bf16, s, x, dy));
}

// The result of infer from that of the convolution alone.
Reference fused(Reference y, Fused f, const Numbers& bias, const Numbers& residual) {
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    if (f.bias) y.add(i, bias[i % bias.size()]);
    if (f.residual) y.add(i, residual[i]);
    if (f.relu && y.value[i] < 0) y.value[i] = 0;
  }
  return y;
}

TEST_P(Conv2d, Infer) {
  const Reference plain = reference_y(s, x, w);
  for (const Fused f : {Fused{true, true, true}, {true, false, true}, {true, true, false}, {false, false, false}}) {
    const Reference wanted = fused(plain, f, bias, dy);
    for (DType t : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(std::string(name_of(t)) + (f.bias ? " bias" : "") + (f.residual ? " residual" : "") +
                   (f.relu ? " relu" : ""));
      expect_close(infer(Device::cpu, t, s, s, f, x, w, bias, dy), wanted, t);
    }
  }
}

TEST_P(Conv2d, ThreadsDoNotChangeBits) {
  for (DType t : {DType::f32, DType::bf16}) {
    SCOPED_TRACE(name_of(t));
    std::vector<Numbers> first;
    for (int threads : {1, 2, 3}) {
      const Threads guard(threads);
      const std::vector<Numbers> results{forward(Device::cpu, t, s, x, w), backward_data(Device::cpu, t, s, dy, w),
                                         backward_data_add(Device::cpu, t, s, dy, w, x),
                                         backward_weight(Device::cpu, t, s, x, dy),
                                         infer(Device::cpu, t, s, s, {true, true, true}, x, w, bias, dy)};
      if (first.empty()) first = results;
      for (std::size_t i = 0; i < results.size(); ++i) {
        SCOPED_TRACE(std::to_string(threads) + " threads, result " + std::to_string(i));
        expect_equal_bits(results[i], first[i]);
      }
    }
  }
}

#if PC_HAVE_CUDA
// There dw is made in the type of x and widened.
TEST_P(Conv2d, CudaAgrees) {
  if (!cuda_available()) GTEST_SKIP() << "no GPU";
  const Reference y = reference_y(s, x, w), dx = reference_dx(s, dy, w), dw = reference_dw(s, x, dy);
  for (DType t : {DType::f32, DType::bf16, DType::f16}) {
    SCOPED_TRACE(name_of(t));
    expect_close(forward(Device::cuda, t, s, x, w), y, t);
    expect_close(backward_data(Device::cuda, t, s, dy, w), dx, t);
    expect_close(backward_data_add(Device::cuda, t, s, dy, w, x), reference_sum(dx, x), t);
    expect_close(backward_weight(Device::cuda, t, s, x, dy), dw, t);
    const Gradients both = backward(Device::cuda, t, s, x, w, dy);
    expect_close(both.dx, dx, t);
    expect_close(both.dw, dw, t);
    for (const Fused f : {Fused{true, true, true}, {true, false, false}})
      expect_close(infer(Device::cuda, t, s, s, f, x, w, bias, dy), fused(y, f, bias, dy), t);
  }
}

// Rows of `from` numbers as rows of `to`: cut off, or filled with ones.
Numbers refitted(const Numbers& x, int from, int to) {
  Numbers y;
  for (std::size_t i = 0; i < x.size(); i += std::size_t(from))
    for (int c = 0; c < to; ++c) y.push_back(c < from ? x[i + std::size_t(c)] : 1.0f);
  return y;
}

// x with the channels that the device likes best: the same bits, whatever stands in those that are new.
TEST_P(Conv2d, CudaTakesPaddedPictures) {
  if (!cuda_available()) GTEST_SKIP() << "no GPU";
  for (DType t : {DType::bf16, DType::f16}) {
    SCOPED_TRACE(name_of(t));
    Conv2dShape wide = s;
    wide.x_c = conv2d_cuda.best_channels(s.c, t);
    EXPECT_EQ(wide.x_c % 8, 0);
    const Numbers more = refitted(x, s.c, wide.x_c);
    expect_equal_bits(forward(Device::cuda, t, wide, more, w), forward(Device::cuda, t, s, x, w));
    expect_equal_bits(backward_weight(Device::cuda, t, wide, more, dy), backward_weight(Device::cuda, t, s, x, dy));
    expect_equal_bits(refitted(backward_data(Device::cuda, t, wide, dy, w), wide.x_c, s.c),
                      backward_data(Device::cuda, t, s, dy, w));
    expect_equal_bits(refitted(backward_data_add(Device::cuda, t, wide, dy, w, more), wide.x_c, s.c),
                      backward_data_add(Device::cuda, t, s, dy, w, x));
    const Fused f{true, true, true};
    expect_equal_bits(infer(Device::cuda, t, wide, wide, f, more, w, bias, dy),
                      infer(Device::cuda, t, s, s, f, x, w, bias, dy));
  }
}

TEST_P(Conv2d, CudaLeavesTheSums) {
  if (!cuda_available()) GTEST_SKIP() << "no GPU";
  const Reference y = reference_y(s, x, w);
  Reference sums(std::size_t(s.k) * 2);
  for (std::size_t i = 0; i < y.value.size(); ++i) {
    sums.add(i % std::size_t(s.k), y.value[i]);
    sums.add(std::size_t(s.k) + i % std::size_t(s.k), y.value[i] * y.value[i]);
  }
  for (DType t : {DType::f32, DType::bf16, DType::f16}) {
    SCOPED_TRACE(name_of(t));
    const Block bx(Device::cuda, t, x), bw(Device::cuda, t, w), by(Device::cuda, t, y_size(s)),
        both(Device::cuda, DType::f32, std::size_t(s.k) * 2);
    const bool can = t == DType::f16 && s.c % 8 == 0 && s.k % 8 == 0;
    ASSERT_EQ(conv2d_cuda.forward_sums(s, t, bx.data(), bw.data(), by.data(), static_cast<float*>(both.data())), can);
    if (!can) continue;
    expect_equal_bits(by.read(), forward(Device::cuda, t, s, x, w));
    expect_close(both.read(), sums, DType::f16);
  }
}
#else
TEST_P(Conv2d, CudaLeavesTheSums) { GTEST_SKIP() << "no GPU: this build has no CUDA"; }
TEST_P(Conv2d, CudaTakesPaddedPictures) { GTEST_SKIP() << "no GPU: this build has no CUDA"; }
TEST_P(Conv2d, CudaAgrees) { GTEST_SKIP() << "no GPU: this build has no CUDA"; }
#endif

std::string name_of_case(const testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Shapes, Conv2d,
    testing::Values(
        Case{"stem", {.n = 3, .h = 26, .w = 22, .c = 3, .k = 64, .r = 7, .s = 7, .stride = 2, .pad = 3}},
        Case{"stem_wide", {.n = 1, .h = 16, .w = 90, .c = 3, .k = 40, .r = 7, .s = 7, .stride = 2, .pad = 3}},
        Case{"gray_5x5", {.n = 2, .h = 12, .w = 11, .c = 1, .k = 20, .r = 5, .s = 5, .stride = 1, .pad = 2}},
        Case{"layer1", {.n = 2, .h = 20, .w = 15, .c = 64, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Case{"odd_map", {.n = 3, .h = 11, .w = 13, .c = 48, .k = 96, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Case{"layer2_down", {.n = 2, .h = 20, .w = 15, .c = 64, .k = 128, .r = 3, .s = 3, .stride = 2, .pad = 1}},
        Case{"layer2_shortcut", {.n = 2, .h = 20, .w = 15, .c = 64, .k = 128, .r = 1, .s = 1, .stride = 2, .pad = 0}},
        Case{"layer3", {.n = 3, .h = 5, .w = 4, .c = 256, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Case{"layer4_down", {.n = 5, .h = 5, .w = 4, .c = 64, .k = 192, .r = 3, .s = 3, .stride = 2, .pad = 1}},
        Case{"layer4", {.n = 5, .h = 3, .w = 2, .c = 160, .k = 96, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Case{"layer4_one_picture", {.n = 1, .h = 3, .w = 2, .c = 128, .k = 128, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Case{"pointwise", {.n = 3, .h = 7, .w = 5, .c = 48, .k = 80, .r = 1, .s = 1, .stride = 1, .pad = 0}},
        Case{"odd_channels", {.n = 2, .h = 9, .w = 7, .c = 19, .k = 21, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Case{"odd_strided", {.n = 2, .h = 9, .w = 8, .c = 33, .k = 17, .r = 3, .s = 3, .stride = 2, .pad = 0}},
        Case{"few_channels", {.n = 2, .h = 8, .w = 9, .c = 5, .k = 7, .r = 3, .s = 2, .stride = 1, .pad = 2}},
        Case{"one_pixel", {.n = 4, .h = 1, .w = 1, .c = 32, .k = 48, .r = 3, .s = 3, .stride = 1, .pad = 1}},
        Case{"unused_border", {.n = 1, .h = 8, .w = 10, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 2, .pad = 0}},
        Case{"gaps", {.n = 2, .h = 10, .w = 11, .c = 16, .k = 24, .r = 2, .s = 2, .stride = 3, .pad = 1}},
        Case{"deep_pad", {.n = 1, .h = 3, .w = 2, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 3}}),
    name_of_case);

TEST(Conv2dFilter, ServesTwoSizes) {
  const Conv2dShape a{.n = 1, .h = 12, .w = 9, .c = 32, .k = 32, .r = 3, .s = 3, .stride = 1, .pad = 1};
  const Conv2dShape b{.n = 3, .h = 3, .w = 2, .c = 32, .k = 32, .r = 3, .s = 3, .stride = 1, .pad = 1};
  const Numbers w = numbers(w_size(a), 1), bias(32, 0.0f);
  for (DType t : {DType::f32, DType::bf16}) {
    const Block bw(Device::cpu, DType::f32, w), bb(Device::cpu, DType::f32, bias);
    const auto filter = conv2d_cpu.pack(a, t, static_cast<float*>(bw.data()), static_cast<float*>(bb.data()));
    for (const Conv2dShape& s : {a, b, a}) {
      const Numbers x = numbers(x_size(s), 2);
      const Block bx(Device::cpu, t, x), by(Device::cpu, t, y_size(s));
      conv2d_cpu.infer(s, *filter, bx.data(), nullptr, false, by.data());
      expect_close(by.read(), reference_y(s, x, w), t);
    }
  }
}

// The engine adds in place: the residual may be y itself.
void add_in_place(const Conv2dShape& s) {
  const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2), residual = numbers(y_size(s), 3),
                bias = numbers(32, 4);
  const Block bx(Device::cpu, DType::f32, x), bw(Device::cpu, DType::f32, w), bb(Device::cpu, DType::f32, bias),
      by(Device::cpu, DType::f32, residual);
  const auto filter = conv2d_cpu.pack(s, DType::f32, static_cast<float*>(bw.data()), static_cast<float*>(bb.data()));
  conv2d_cpu.infer(s, *filter, bx.data(), by.data(), true, by.data());
  expect_equal_bits(by.read(), infer(Device::cpu, DType::f32, s, s, {true, true, true}, x, w, bias, residual));
}
TEST(Conv2dFilter, ResidualMayBeTheResult) {
  add_in_place({.n = 2, .h = 3, .w = 2, .c = 32, .k = 32, .r = 3, .s = 3, .stride = 1, .pad = 1});
  add_in_place({.n = 2, .h = 12, .w = 9, .c = 32, .k = 32, .r = 3, .s = 3, .stride = 1, .pad = 1});
}

// What a server answers must not depend on who else asks.
TEST(Conv2dFilter, APictureGivesTheSameBitsInAnyBatch) {
  for (const int height : {3, 20}) {
    Conv2dShape s{.n = 9, .h = height, .w = 15, .c = 64, .k = 64, .r = 3, .s = 3, .stride = 1, .pad = 1};
    const Numbers x = numbers(x_size(s), 1), w = numbers(w_size(s), 2), bias = numbers(64, 3);
    const Numbers all = infer(Device::cpu, DType::f32, s, s, {true, false, true}, x, w, bias, {});
    s.n = 1;
    for (std::size_t i = 0; i < 9; ++i) {
      SCOPED_TRACE(std::to_string(height) + " rows, picture " + std::to_string(i));
      const auto part = [i](const Numbers& v, std::size_t size) {
        return Numbers(v.begin() + std::ptrdiff_t(i * size), v.begin() + std::ptrdiff_t((i + 1) * size));
      };
      expect_equal_bits(infer(Device::cpu, DType::f32, s, s, {true, false, true}, part(x, x_size(s)), w, bias, {}),
                        part(all, y_size(s)));
    }
  }
}

TEST(Conv2dChecks, EmptyBatch) {
  const Conv2dShape s{.n = 0, .h = 3, .w = 2, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 1};
  float nothing = 7;
  conv2d_cpu.forward(s, DType::f32, &nothing, &nothing, &nothing);
  conv2d_cpu.backward_data(s, DType::f32, &nothing, &nothing, false, &nothing);
  EXPECT_EQ(nothing, 7);
  Numbers dw(w_size(s), 7.0f);
  conv2d_cpu.backward_weight(s, DType::f32, &nothing, &nothing, dw.data());
  EXPECT_EQ(dw, Numbers(w_size(s), 0.0f));  // a sum without terms
}

TEST(Conv2dChecks, TheCpuTakesNoPaddedPictures) {
  EXPECT_EQ(conv2d_cpu.best_channels(3, DType::bf16), 3);
  float nothing = 0;
  EXPECT_THROW(conv2d_cpu.forward({.n = 1, .h = 3, .w = 2, .c = 3, .k = 16, .r = 1, .s = 1, .x_c = 8}, DType::f32,
                                  &nothing, &nothing, &nothing),
               std::logic_error);
}

TEST(Conv2dChecks, NamesTheShape) {
  const Conv2dShape s{.n = 1, .h = 3, .w = 2, .c = 16, .k = 16, .r = 5, .s = 5, .stride = 1, .pad = 0};
  float nothing = 0;
  try {
    conv2d_cpu.forward(s, DType::f32, &nothing, &nothing, &nothing);
    FAIL() << "a filter larger than the picture was accepted";
  } catch (const std::logic_error& e) {
    EXPECT_NE(std::string(e.what()).find("3x2x16 k=16 5x5"), std::string::npos) << e.what();
  }
  EXPECT_THROW(conv2d_cpu.forward({.n = 1, .h = 3, .w = 2, .c = 16, .k = 16, .r = 1, .s = 1}, DType::u8, &nothing,
                                  &nothing, &nothing),
               std::logic_error);
}

}  // namespace
}  // namespace pc
