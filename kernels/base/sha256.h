// SHA-256 of bytes in memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pc {

std::string sha256_hex(std::span<const std::byte> bytes);  // 64 lower-case digits

}  // namespace pc
