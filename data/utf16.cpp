#include "data/utf16.h"

#include <utf8proc.h>

#include <cstdint>

namespace pc::data {

bool has_utf16_mark(std::string_view text) { return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"); }

std::optional<std::string> utf8_of_utf16(std::string_view text) {
  const std::size_t high = text[0] == '\xff' ? 1 : 0;  // place of the more significant byte of a unit
  text.remove_prefix(2);
  if (text.size() % 2 != 0) return std::nullopt;
  const auto unit = [&](std::size_t i) { return int32_t(uint8_t(text[i + high])) << 8 | uint8_t(text[i + 1 - high]); };
  std::string utf8;
  utf8.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int32_t c = unit(i);
    if (c >= 0xd800 && c < 0xe000) {  // the first of a pair
      i += 2;
      const int32_t second = i < text.size() ? unit(i) : 0;
      if (c >= 0xdc00 || second < 0xdc00 || second > 0xdfff) return std::nullopt;
      c = 0x10000 + ((c - 0xd800) << 10) + (second - 0xdc00);
    }
    utf8proc_uint8_t bytes[4];
    const auto n = utf8proc_encode_char(c, bytes);
    utf8.append(reinterpret_cast<const char*>(bytes), std::size_t(n));
  }
  return utf8;
}

}  // namespace pc::data
