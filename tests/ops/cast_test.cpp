// cast: rounding to nearest even, special values, tails and threads, for all nine pairs of types.
#include "kernels/cast/cast.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

std::vector<uint16_t> cast_to_16(Device device, DType dtype, const std::vector<float>& values) {
  const Array x(device, DType::f32, values), y(device, dtype, int64_t(values.size()));
  PC_KERNELS(cast, device).forward(int64_t(values.size()), DType::f32, x.data(), dtype, y.data());
  return y.raw<uint16_t>();
}

void check_known_bf16(Device device) {
  // 1 + 2^-8 lies between two bf16 and goes to the even one, 1; 1 + 3 * 2^-8 goes to 1 + 2^-6; the largest f32 goes to
  // infinity.
  const std::vector<float> x{1, -2.5f, 1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1.1p-8f, 3.4028235e38f, kInf, -0.0f, 0x1p-133f};
  const std::vector<uint16_t> want{0x3f80, 0xc020, 0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x7f80, 0x8000, 0x0001};
  EXPECT_EQ(cast_to_16(device, DType::bf16, x), want);
}

void check_known_f16(Device device) {
  const std::vector<float> x{1, -2.5f, 1 + 0x1p-11f, 1 + 0x3p-11f, 65504, 65520, kInf, -0.0f, 0x1p-24f};
  const std::vector<uint16_t> want{0x3c00, 0xc100, 0x3c00, 0x3c02, 0x7bff, 0x7c00, 0x7c00, 0x8000, 0x0001};
  EXPECT_EQ(cast_to_16(device, DType::f16, x), want);
}

void check_nan(Device device) {
  // A NaN whose payload lies in the lower half only would become infinity by cutting it off.
  for (uint32_t bits : {0x7fc00000u, 0x7f800001u, 0xff800001u, 0x7fffffffu}) {
    const std::vector<float> x(19, std::bit_cast<float>(bits));
    for (uint16_t y : cast_to_16(device, DType::bf16, x)) EXPECT_GT(y & 0x7fff, 0x7f80) << std::hex << bits;
    for (uint16_t y : cast_to_16(device, DType::f16, x)) EXPECT_GT(y & 0x7fff, 0x7c00) << std::hex << bits;
  }
}

void check_wide(Device device) {
  // Every 16-bit number survives the way to f32 and back, bit by bit (NaN payloads aside).
  for (DType dtype : {DType::bf16, DType::f16}) {
    std::vector<uint16_t> all(65536);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = uint16_t(i);
    const Array x(device, dtype, all), f32(device, DType::f32, 65536), back(device, dtype, 65536);
    PC_KERNELS(cast, device).forward(65536, dtype, x.data(), DType::f32, f32.data());
    PC_KERNELS(cast, device).forward(65536, DType::f32, f32.data(), dtype, back.data());
    const std::vector<float> values = f32.raw<float>();
    const std::vector<uint16_t> again = back.raw<uint16_t>();
    const int infinity = dtype == DType::bf16 ? 0x7f80 : 0x7c00;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((i & 0x7fff) > std::size_t(infinity)) {
        ASSERT_TRUE(std::isnan(values[i])) << i;
      } else {
        ASSERT_EQ(again[i], all[i]) << name_of(dtype);
      }
    }
  }
}

void check_pairs(Device device) {
  for (int64_t n : element_counts())
    for (DType from : {DType::f32, DType::bf16, DType::f16})
      for (DType to : {DType::f32, DType::bf16, DType::f16}) {
        const Values values = random_values(n, 3);
        const Array x(device, from, values), y(device, to, n);
        PC_KERNELS(cast, device).forward(n, from, x.data(), to, y.data());
        expect_close(y.values(), rounded(x.values(), to), {0, 0}, std::string(name_of(from)) + " to " + name_of(to));
      }
}

TEST(Cast, RoundsToNearestEvenBf16) { check_known_bf16(Device::cpu); }
TEST(Cast, RoundsToNearestEvenF16) { check_known_f16(Device::cpu); }
TEST(Cast, NaNStaysNaN) { check_nan(Device::cpu); }
TEST(Cast, Every16BitNumberSurvives) { check_wide(Device::cpu); }
TEST(Cast, AllPairsOfTypes) { check_pairs(Device::cpu); }

TEST(Cast, AgreesWithTheScalarBf16) {
  const Values values = random_values(5000, 9, 100);
  const std::vector<float> x(values.begin(), values.end());
  const std::vector<uint16_t> y = cast_to_16(Device::cpu, DType::bf16, x);
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], bf16(x[i]).bits) << x[i];
}

TEST(Cast, SameBitsWithAnyNumberOfThreads) {
  const Array x(Device::cpu, DType::f32, random_values(100001, 4)), y(Device::cpu, DType::bf16, 100001);
  expect_same_bits_with_two_threads([&] {
    cast_cpu.forward(100001, DType::f32, x.data(), DType::bf16, y.data());
    return y.bytes();
  });
}

TEST(Cast, NothingToDo) { cast_cpu.forward(0, DType::f32, nullptr, DType::bf16, nullptr); }

TEST(Cast, RefusesIntegers) {
  EXPECT_THROW(cast_cpu.forward(1, DType::u8, nullptr, DType::f32, nullptr), std::logic_error);
  EXPECT_THROW(cast_cpu.forward(1, DType::f32, nullptr, DType::i32, nullptr), std::logic_error);
}

TEST(Cast, GpuRoundsAlike) {
  PC_NEEDS_GPU();
  check_known_bf16(Device::cuda);
  check_known_f16(Device::cuda);
  check_nan(Device::cuda);
}
TEST(Cast, GpuAllPairsOfTypes) {
  PC_NEEDS_GPU();
  check_wide(Device::cuda);
  check_pairs(Device::cuda);
  const OffAlignment off;
  check_pairs(Device::cuda);
}

}  // namespace
}  // namespace pc::test
