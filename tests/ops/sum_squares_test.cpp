// sum_squares: f64 sums, a running total, non-finite values.
#include "kernels/sum_squares/sum_squares.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

double run(Device device, const Values& x, double start = 0) {
  const Array input(device, DType::f32, x);
  Buffer sum(device, sizeof(double));
  memory::copy(device, sum.data(), Device::cpu, &start, sizeof start);
  const SumSquaresTensor tensor{int64_t(x.size()), input.as<float>()};
  PC_KERNELS(sum_squares, device).accumulate({&tensor, 1}, sum.as<double>());
  double result;
  memory::copy(Device::cpu, &result, device, sum.data(), sizeof result);
  return result;
}

void check(Device device) {
  for (int64_t n : element_counts()) {
    const Values x = random_values(n, 1);
    const double want = dot(x, x);
    EXPECT_NEAR(run(device, x), want, 1e-6 * want) << n;
    EXPECT_NEAR(run(device, x, 100), want + 100, 1e-6 * (want + 100)) << "adds to what is there";
  }
}

// More tensors than one table holds, of odd sizes, some without a value.
void check_many(Device device) {
  std::vector<Array> arrays;
  std::vector<SumSquaresTensor> tensors;
  double want = 0;
  for (int i = 0; i < 150; ++i) {
    const Values x = random_values(i * 37 % 2500, uint64_t(i));
    want += dot(x, x);
    arrays.emplace_back(device, DType::f32, x);
    tensors.push_back({int64_t(x.size()), arrays.back().as<float>()});
  }
  const Buffer sum(device, sizeof(double));
  memory::zero(device, sum.data(), sizeof(double));
  PC_KERNELS(sum_squares, device).accumulate(tensors, sum.as<double>());
  double got;
  memory::copy(Device::cpu, &got, device, sum.data(), sizeof got);
  EXPECT_NEAR(got, want, 1e-6 * want);
}

void check_non_finite(Device device) {
  for (float bad : {kNaN, kInf, -kInf})
    for (std::size_t at : {std::size_t(0), std::size_t(50), std::size_t(99)}) {
      Values x(100, 1);
      x[at] = double(bad);
      EXPECT_FALSE(std::isfinite(run(device, x))) << bad << " at " << at;
    }
}

TEST(SumSquares, MatchesReference) { check(Device::cpu); }
TEST(SumSquares, ManyTensors) { check_many(Device::cpu); }
TEST(SumSquares, NonFiniteShows) { check_non_finite(Device::cpu); }
TEST(SumSquares, LargeFiniteValuesStayFinite) { EXPECT_NEAR(run(Device::cpu, Values(64, 1e30)) / 64e60, 1, 1e-6); }

TEST(SumSquares, SameBitsWithAnyNumberOfThreads) {
  const Values x = random_values(300007, 5);
  expect_same_bits_with_two_threads([&] {
    const double sum = run(Device::cpu, x);
    const auto* bytes = reinterpret_cast<const uint8_t*>(&sum);
    return std::vector<uint8_t>(bytes, bytes + sizeof sum);
  });
}

TEST(SumSquares, Gpu) {
  PC_NEEDS_GPU();
  check(Device::cuda);
  check_many(Device::cuda);
  check_non_finite(Device::cuda);
  {
    const OffAlignment off;
    check(Device::cuda);
  }
  const Values x = random_values(300007, 5);
  EXPECT_EQ(run(Device::cuda, x), run(Device::cuda, x)) << "the same bits every time";
}

}  // namespace
}  // namespace pc::test
