// Text of programs that save UTF-16, as Excel's "Unicode text" is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pc::data {

bool has_utf16_mark(std::string_view text);  // begins with a byte order mark of UTF-16

// The text behind the mark as UTF-8; nullopt for half a character. Requires the mark.
std::optional<std::string> utf8_of_utf16(std::string_view text);

}  // namespace pc::data
