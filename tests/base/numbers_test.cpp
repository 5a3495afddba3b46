// Checksums, hashes, random words and whole numbers against published values.
#include <gtest/gtest.h>

#include <limits>

#include "kernels/base/bytes.h"
#include "kernels/base/crc32c.h"
#include "kernels/base/hash.h"
#include "kernels/base/math.h"
#include "kernels/base/random.h"
#include "kernels/base/sha256.h"

namespace pc {
namespace {

// The check value of the Rocksoft catalog, and the vectors of RFC 3720, B.4.
TEST(Crc32c, PublishedValues) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

// FIPS 180-2, appendix B.
TEST(Sha256, PublishedValues) {
  const auto hex = [](std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); };
  EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256({})[0], std::byte{0xe3});
}

// FNV-1a of "foobar" is 0x85944171f73967e8 (its authors' table); Python then mixed it as splitmix64 does.
TEST(Hash64, FnvThenAMix) {
  EXPECT_EQ(Hash64().bytes("foobar", 6).value(), 0x404da9e3b74078c2u);
  EXPECT_EQ(Hash64().bytes("foo", 3).bytes("bar", 3).value(), Hash64().bytes("foobar", 6).value());
  EXPECT_NE(Hash64().text("ab").text("c").value(), Hash64().text("a").text("bc").value());
  EXPECT_EQ(Hash64().number(0x6261).value(), Hash64().bytes("ab\0\0\0\0\0\0", 8).value()) << "the lowest byte first";
}

// Random123's kat_vectors, philox4x32 10.
TEST(Philox, PublishedValues) {
  const auto expect = [](const Philox& got, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    EXPECT_EQ(got.word[0], a);
    EXPECT_EQ(got.word[1], b);
    EXPECT_EQ(got.word[2], c);
    EXPECT_EQ(got.word[3], d);
  };
  constexpr uint64_t all = std::numeric_limits<uint64_t>::max();
  expect(philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
  expect(philox(all, all, all), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
  expect(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88), 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1);
}

TEST(Philox, UniformIsBelowOne) {
  EXPECT_EQ(uniform(0), 0.0f);
  EXPECT_EQ(uniform(0x80000000u), 0.5f);
  EXPECT_LT(uniform(0xffffffffu), 1.0f);
}

TEST(Math, CeilDiv) {
  EXPECT_EQ(ceil_div(0, 8), 0);
  EXPECT_EQ(ceil_div(1, 8), 1);
  EXPECT_EQ(ceil_div(8, 8), 1);
  EXPECT_EQ(ceil_div(9, 8), 2);
  EXPECT_EQ(ceil_div(int64_t(1) << 40, 3), 366503875926);
}

TEST(Math, ToByte) {
  EXPECT_EQ(to_byte(-3), 0);
  EXPECT_EQ(to_byte(0.49), 0);
  EXPECT_EQ(to_byte(0.5), 1);
  EXPECT_EQ(to_byte(127.5), 128);
  EXPECT_EQ(to_byte(254.5), 255);
  EXPECT_EQ(to_byte(1e9), 255);
}

TEST(Bytes, LittleEndian) {
  EXPECT_EQ(little_endian(uint32_t(0x01020304)), std::string("\x04\x03\x02\x01"));
  EXPECT_EQ(little_endian(int64_t(-2)), std::string("\xfe\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_EQ(little_endian(uint64_t(1)).size(), 8u);
}

}  // namespace
}  // namespace pc
