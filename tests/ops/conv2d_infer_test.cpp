// conv2d with a packed filter, as inference runs it: the same shapes, and what a filter promises.
#include "tests/ops/conv2d_reference.h"

namespace pc::test {
namespace {

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

// Packed for images of this height, then used for others too.
void serve_two_sizes(int height) {
  const Conv2dShape a{.n = 1, .h = height, .w = 8, .c = 32, .k = 32, .r = 3, .s = 3, .stride = 1, .pad = 1};
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
TEST(Conv2dFilter, ServesTwoSizes) {
  for (const int height : {4, 12, 40}) {  // by the definition, F(2x2) and F(4x4) in f32
    SCOPED_TRACE(height);
    serve_two_sizes(height);
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
  add_in_place({.n = 2, .h = 20, .w = 15, .c = 32, .k = 32, .r = 3, .s = 3, .stride = 1, .pad = 1});
}

// The result for an image must not depend on the other images of the batch.
TEST(Conv2dFilter, APictureGivesTheSameBitsInAnyBatch) {
  for (const int height : {3, 10, 20}) {  // by the definition, F(2x2) and F(4x4)
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

}  // namespace
}  // namespace pc::test
