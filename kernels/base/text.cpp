#include "kernels/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace pc {

// Table 3-7 of the Unicode standard: the first byte fixes the length, and bounds the second one.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? uint8_t(text[i]) : 0u; };
  const uint32_t a = at(0);
  if (a < 0x80) return 1;
  const std::size_t n = a >= 0xf0 ? 4 : a >= 0xe0 ? 3 : 2;
  if (a < 0xc2 || a > 0xf4) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((at(i) & 0xc0) != 0x80) return 0;
  if ((a == 0xe0 && at(1) < 0xa0) || (a == 0xed && at(1) > 0x9f) || (a == 0xf0 && at(1) < 0x90) ||
      (a == 0xf4 && at(1) > 0x8f))
    return 0;
  return n;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

std::size_t count_characters(std::string_view text) {
  return std::size_t(std::count_if(text.begin(), text.end(), begins_character));
}

std::string printable(std::string_view text) {
  constexpr std::size_t most = 120;
  std::string result;
  while (!text.empty()) {
    if (result.size() >= most) return result + "…";
    const std::size_t n = utf8_length(text);
    // C1 controls (U+0080..U+009F) steer terminals too.
    const bool control =
        uint8_t(text[0]) < 0x20 || text[0] == 0x7f || (n == 2 && text[0] == '\xc2' && uint8_t(text[1]) < 0xa0);
    if (n == 0 || control)
      for (char c : text.substr(0, std::max<std::size_t>(n, 1))) result += fmt::format("\\x{:02x}", uint8_t(c));
    else
      result += text.substr(0, n);
    text.remove_prefix(std::max<std::size_t>(n, 1));
  }
  return result;
}

std::string visible(std::string_view text) {
  std::string safe(text);
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return safe;
}

std::string json_string(std::string_view text) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
  std::string quoted = "\"";
  for (const char c : text) {
    if (const std::size_t at = kNamed.find(c); at != kNamed.npos)
      quoted += {'\\', kLetters[at]};
    else if (static_cast<unsigned char>(c) < 0x20)
      quoted += fmt::format("\\u{:04x}", int(c));
    else
      quoted += c;
  }
  return quoted + '"';
}

std::string to_lower(std::string_view text) {
  std::string low(text);
  for (char& c : low) c = to_lower(c);
  return low;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

std::string size_text(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  double value = double(bytes);
  const char* unit = "";
  for (const char* larger : {"KB", "MB", "GB", "TB", "PB", "EB"}) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  return fmt::format("{:.{}f} {}", value, value < 99.95 ? 1 : 0, unit);
}

}  // namespace pc
