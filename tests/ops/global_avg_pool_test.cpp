// global_avg_pool against plain loops, on both devices.
#include "kernels/global_avg_pool/global_avg_pool.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

Values means(const GlobalAvgPoolShape& s, const Values& x) {
  Values y(std::size_t(s.n) * std::size_t(s.c));
  for (int n = 0; n < s.n; ++n)
    for (int i = 0; i < s.hw; ++i)
      for (int c = 0; c < s.c; ++c)
        y[std::size_t(n * s.c + c)] += x[std::size_t((int64_t(n) * s.hw + i) * s.c + c)] / s.hw;
  return y;
}

Values broadcast(const GlobalAvgPoolShape& s, const Values& dy) {
  Values dx(std::size_t(s.n) * std::size_t(s.hw) * std::size_t(s.c));
  for (std::size_t i = 0; i < dx.size(); ++i)
    dx[i] = dy[i / std::size_t(s.hw * s.c) * std::size_t(s.c) + i % std::size_t(s.c)] / s.hw;
  return dx;
}

void check(const GlobalAvgPoolShape& s, Device device, DType dtype) {
  SCOPED_TRACE(testing::Message() << "[" << s.n << ", " << s.hw << ", " << s.c << "]");
  const int64_t x_size = int64_t(s.n) * s.hw * s.c, y_size = int64_t(s.n) * s.c;
  const Values x = rounded(random_values(x_size, 1), dtype), dy = rounded(random_values(y_size, 2), dtype);
  const Array in(device, dtype, x), y(device, dtype, y_size), gradient(device, dtype, dy), dx(device, dtype, x_size);
  PC_KERNELS(global_avg_pool, device).forward(s, dtype, in.data(), y.data());
  PC_KERNELS(global_avg_pool, device).backward(s, dtype, gradient.data(), dx.data());
  expect_close(y.values(), means(s, x), tolerance(dtype, 0.1), "y");
  expect_close(dx.values(), broadcast(s, dy), tolerance(dtype, 0.01), "dx");
}

void check_many(Device device, DType dtype) {
  for (const GlobalAvgPoolShape& s : {GlobalAvgPoolShape{2, 6, 512}, {1, 1200, 3}, {70, 9, 40}, {10, 300, 33}})
    check(s, device, dtype);
  for (int c = 1; c <= 2 * built_for.lanes() + 1; ++c) check({3, 1 + c % 4, c}, device, dtype);
}

TEST(GlobalAvgPool, MatchesReferenceF32) { check_many(Device::cpu, DType::f32); }
TEST(GlobalAvgPool, MatchesReferenceBf16) { check_many(Device::cpu, DType::bf16); }

TEST(GlobalAvgPool, ReferenceGradientIsTheDerivative) {
  const GlobalAvgPoolShape s{2, 3, 4};
  const Values x = random_values(24, 1), dy = random_values(8, 2);
  expect_close(broadcast(s, dy), differences([&](const Values& v) { return dot(means(s, v), dy); }, x), {1e-6, 1e-8},
               "dx");
}

TEST(GlobalAvgPool, NaNStaysInItsMean) {
  Values x(2 * 5 * 18, 1);
  x[7] = double(kNaN);
  const Array in(Device::cpu, DType::f32, x), y(Device::cpu, DType::f32, 36);
  global_avg_pool_cpu.forward({2, 5, 18}, DType::f32, in.data(), y.data());
  const Values got = y.values();
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(std::isnan(got[i]), i == 7) << i;
}

TEST(GlobalAvgPool, SameBitsWithAnyNumberOfThreads) {
  const GlobalAvgPoolShape s{64, 49, 100};
  const Array x(Device::cpu, DType::f32, random_values(64 * 49 * 100, 1)), y(Device::cpu, DType::f32, 6400);
  const Array dx(Device::cpu, DType::f32, 64 * 49 * 100);
  expect_same_bits_with_two_threads([&] {
    global_avg_pool_cpu.forward(s, DType::f32, x.data(), y.data());
    global_avg_pool_cpu.backward(s, DType::f32, y.data(), dx.data());
    return joined({&y, &dx});
  });
}

TEST(GlobalAvgPool, RefusesF16) {
  EXPECT_THROW(global_avg_pool_cpu.forward({1, 1, 1}, DType::f16, nullptr, nullptr), std::logic_error);
  EXPECT_THROW(global_avg_pool_cpu.backward({1, 1, 1}, DType::f16, nullptr, nullptr), std::logic_error);
}

TEST(GlobalAvgPool, GpuMatchesReference) {
  PC_NEEDS_GPU();
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    check_many(Device::cuda, dtype);
    const OffAlignment off;
    check_many(Device::cuda, dtype);
  }
}

}  // namespace
}  // namespace pc::test
