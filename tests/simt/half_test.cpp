// The stand-in's 16-bit conversions: between every pair of neighbors, at the half-way point and on both sides of it.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace {

float widen(uint16_t bits, __half) { return __half2float({bits}); }
float widen(uint16_t bits, __nv_bfloat16) { return __bfloat162float({bits}); }
uint16_t to_16_bits(float v, __half) { return __float2half_rn(v).bits; }
uint16_t to_16_bits(float v, __nv_bfloat16) { return __float2bfloat16_rn(v).bits; }

// The value as IEEE 754 defines it, from the sizes of its fields; infinity's encoding counts as the next power of 2.
double value_of(uint16_t bits, int fraction_bits, int bias) {
  const int exponent = (bits & 0x7fff) >> fraction_bits, fraction = bits & ((1 << fraction_bits) - 1);
  return exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                       : std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
}

template <class T>
void check(int fraction_bits, int bias, uint16_t infinity) {
  for (uint16_t low = 0; low < infinity; ++low) {
    const uint16_t high = uint16_t(low + 1), even = low % 2 ? high : low;
    const double a = value_of(low, fraction_bits, bias), middle = (a + value_of(high, fraction_bits, bias)) / 2;
    ASSERT_EQ(double(widen(low, T())), a) << low;
    ASSERT_EQ(to_16_bits(float(a), T()), low);
    ASSERT_EQ(double(float(middle)), middle) << "an f32 holds every half-way point";
    const float half = float(middle), top = std::numeric_limits<float>::max();
    ASSERT_EQ(to_16_bits(half, T()), even) << low;
    ASSERT_EQ(to_16_bits(std::nextafter(half, 0.0f), T()), low) << low;
    if (half < top) {
      ASSERT_EQ(to_16_bits(std::nextafter(half, top), T()), high) << low;
    }
    ASSERT_EQ(to_16_bits(-half, T()), even | 0x8000) << low;
  }
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(to_16_bits(inf, T()), infinity);
  EXPECT_EQ(to_16_bits(-inf, T()), infinity | 0x8000);
  EXPECT_EQ(widen(infinity, T()), inf);
  EXPECT_EQ(to_16_bits(std::numeric_limits<float>::max(), T()), infinity);
  for (uint32_t nan : {0x7fc00000u, 0x7f800001u, 0xffc00000u, 0xffffffffu})
    EXPECT_EQ(to_16_bits(std::bit_cast<float>(nan), T()), 0x7fff);
  for (int bits = infinity + 1; bits < 0x8000; ++bits) EXPECT_TRUE(std::isnan(widen(uint16_t(bits), T())));
}

TEST(SimtHalf, RoundsToNearestEven) { check<__half>(10, 15, 0x7c00); }
TEST(SimtHalf, RoundsBfloat16ToNearestEven) { check<__nv_bfloat16>(7, 127, 0x7f80); }

}  // namespace
