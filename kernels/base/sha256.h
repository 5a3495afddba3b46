// SHA-256 of bytes in memory.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace pc {

std::array<std::byte, 32> sha256(std::span<const std::byte> bytes);
std::string sha256_hex(std::span<const std::byte> bytes);  // 64 lower-case digits

}  // namespace pc
