// Element types of weight files: sizes, names, and their values as numbers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pc {

// The element types of weight files, more than the engine's own DType.
enum class FileType : uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };
constexpr FileType kAllFileTypes[] = {FileType::f64, FileType::f32, FileType::f16, FileType::bf16, FileType::i64,
                                      FileType::i32, FileType::i16, FileType::i8,  FileType::u8,   FileType::boolean};
std::size_t size_of(FileType);  // bytes per element
const char* name_of(FileType);  // safetensors names: "F32", "BF16", "I64", …

// IEEE binary16 to binary32, exact; NaN payloads move to the upper bits.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = uint32_t(half & 0x8000u) << 16, exponent = (half >> 10) & 31u, fraction = half & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = float(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

namespace detail {

template <class Stored, class F>
void for_each_as(const std::byte* data, int64_t count, F& f) {
  for (int64_t i = 0; i < count; ++i) {
    Stored value;  // files do not guarantee alignment
    std::memcpy(&value, data + std::size_t(i) * sizeof value, sizeof value);
    f(value);
  }
}

}  // namespace detail

// Calls f(value) for each of `count` little-endian elements; f is generic over double, float, int64_t, int32_t,
// int16_t, int8_t and uint8_t. f16 and bf16 arrive as float, booleans as uint8_t.
template <class F>
void for_each_value(FileType type, const std::byte* data, int64_t count, F f) {
  auto half = [&f](uint16_t bits) { f(half_to_float(bits)); };
  auto brain = [&f](uint16_t bits) { f(std::bit_cast<float>(uint32_t(bits) << 16)); };
  switch (type) {
    case FileType::f64:
      return detail::for_each_as<double>(data, count, f);
    case FileType::f32:
      return detail::for_each_as<float>(data, count, f);
    case FileType::f16:
      return detail::for_each_as<uint16_t>(data, count, half);
    case FileType::bf16:
      return detail::for_each_as<uint16_t>(data, count, brain);
    case FileType::i64:
      return detail::for_each_as<int64_t>(data, count, f);
    case FileType::i32:
      return detail::for_each_as<int32_t>(data, count, f);
    case FileType::i16:
      return detail::for_each_as<int16_t>(data, count, f);
    case FileType::i8:
      return detail::for_each_as<int8_t>(data, count, f);
    case FileType::u8:
    case FileType::boolean:
      return detail::for_each_as<uint8_t>(data, count, f);
  }
}

}  // namespace pc
