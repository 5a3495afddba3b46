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
