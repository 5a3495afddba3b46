// A 64-bit hash of content (FNV-1a with a final mix): names stores and finds damage; no defence against malice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pc {

class Hash64 {
 public:
  Hash64& bytes(const void* data, std::size_t n) {
    const auto* p = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < n; ++i) state_ = (state_ ^ p[i]) * 0x100000001b3u;
    return *this;
  }
  Hash64& number(uint64_t value) {
    for (int i = 0; i < 8; ++i) state_ = (state_ ^ ((value >> (8 * i)) & 0xff)) * 0x100000001b3u;
    return *this;
  }
  // The length goes in as well, so that "ab", "c" and "a", "bc" differ.
  Hash64& text(std::string_view s) { return number(s.size()).bytes(s.data(), s.size()); }
  uint64_t value() const {
    uint64_t x = state_;  // splitmix64's finaliser
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

 private:
  uint64_t state_ = 0xcbf29ce484222325u;
};

}  // namespace pc
