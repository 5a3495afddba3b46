// mix: mixup and cutmix of partners against plain f64 loops.
#include "kernels/mix/mix.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

struct Batch {
  MixShape shape;
  std::vector<MixPair> pairs;
};

// Mixup, cutmix in part and as a whole, both at once, rectangles beyond the image, an odd batch.
std::vector<Batch> batches() {
  std::vector<Batch> all{
      {{.n = 8, .h = 5, .w = 7, .c = 3},
       {{.lambda = 0.3f}, {.x = 2, .y = 1, .w = 3, .h = 2}, {}, {.lambda = 0.75f, .x = 0, .y = 0, .w = 7, .h = 3}}},
      {{.n = 5, .h = 9, .w = 4, .c = 8}, {{.x = -2, .y = 6, .w = 4, .h = 90}, {.x = 3, .y = -1, .w = 50, .h = 4}}},
      {{.n = 2, .h = 80, .w = 60, .c = 8}, {{.lambda = 0.5f, .x = 17, .y = 20, .w = 31, .h = 40}}},
      {{.n = 1, .h = 3, .w = 3, .c = 3}, {}}};
  for (int w = 1; w <= built_for.lanes() + 1; ++w)  // every remainder of a vector, left and right of the rectangle
    all.push_back({{.n = 4, .h = 3, .w = 2 * w, .c = 3},
                   {{.lambda = 0.3f, .x = w - 1, .y = 1, .w = 1, .h = 1}, {.lambda = 0.6f}}});
  return all;
}

Values reference(const Batch& b, const Values& x) {
  const auto [n, h, w, channels] = b.shape;
  Values y = x;
  for (int p = 0; p < n; ++p) {
    const int partner = n - 1 - p;
    if (p == partner) continue;
    const MixPair& pair = b.pairs[std::size_t(std::min(p, partner))];
    for (int i = 0; i < h; ++i)
      for (int j = 0; j < w; ++j) {
        const bool crossed = i >= pair.y && i < pair.y + pair.h && j >= pair.x && j < pair.x + pair.w;
        const double lambda = crossed ? 0 : double(pair.lambda);
        for (int c = 0; c < channels; ++c) {
          const auto at = std::size_t((i * w + j) * channels + c), size = std::size_t(h * w * channels);
          y[std::size_t(p) * size + at] =
              lambda * x[std::size_t(p) * size + at] + (1 - lambda) * x[std::size_t(partner) * size + at];
        }
      }
  }
  return y;
}

void check(Device device, DType dtype) {
  for (const Batch& b : batches()) {
    const int64_t values = int64_t(b.shape.n) * b.shape.h * b.shape.w * b.shape.c;
    const Values x = rounded(random_values(values, 3), dtype);
    const Array y(device, dtype, x);
    Buffer pairs(device, std::max<std::size_t>(1, b.pairs.size()) * sizeof(MixPair));
    memory::copy(device, pairs.data(), Device::cpu, b.pairs.data(), b.pairs.size() * sizeof(MixPair));
    PC_KERNELS(mix, device).apply(b.shape, dtype, pairs.as<MixPair>(), y.data());
    expect_close(y.values(), reference(b, x), tolerance(dtype, 0.1), "y");
  }
}

TEST(Mix, F32) { check(Device::cpu, DType::f32); }
TEST(Mix, Bf16) { check(Device::cpu, DType::bf16); }

TEST(Mix, NothingAskedForChangesNoBit) {
  const Values x = random_values(2 * 4 * 4 * 3, 5);
  const Array y(Device::cpu, DType::f32, x), before(Device::cpu, DType::f32, x);
  const MixPair pair;
  mix_cpu.apply({.n = 2, .h = 4, .w = 4, .c = 3}, DType::f32, &pair, y.data());
  EXPECT_EQ(y.bytes(), before.bytes());
}

TEST(Mix, RefusesOtherTypes) {
  EXPECT_THROW(mix_cpu.apply({.n = 2, .h = 1, .w = 1, .c = 3}, DType::u8, nullptr, nullptr), std::logic_error);
}

TEST(Mix, GpuMatchesReference) {
  PC_NEEDS_GPU();
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    check(Device::cuda, dtype);
    const OffAlignment off;
    check(Device::cuda, dtype);
  }
}

}  // namespace
}  // namespace pc::test
