// Devices and element types, and the 16-bit floats of the CPU.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

namespace pc {

enum class Device : uint8_t { cpu, cuda };
enum class DType : uint8_t { f32, bf16, f16, u8, i32 };

std::size_t size_of(DType);                      // bytes per element
const char* name_of(DType);                      // "f32", "bf16", …
const char* name_of(Device);                     // "cpu", "cuda"
DType dtype_from_name(const std::string& name);  // throws Error(usage) for an unknown name
Device device_from_name(const std::string& name);
// What a CPU kernel says to a type it has no code for: "linear: x is f16, the CPU takes f32 or bf16".
[[noreturn]] void fail_cpu_dtype(const char* tensor, DType);

// bfloat16: the upper half of an f32; conversion rounds to nearest even, NaN stays NaN.
struct bf16 {
  uint16_t bits;
  bf16() = default;
  explicit bf16(float value) {
    uint32_t u = std::bit_cast<uint32_t>(value);
    bits = (u & 0x7fffffffu) > 0x7f800000u ? uint16_t((u >> 16) | 0x40u)
                                           : uint16_t((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
};

}  // namespace pc
