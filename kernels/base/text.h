// Text: UTF-8, escaping, comparison. Case and blanks are those of ASCII, whatever the locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pc {

// Bytes of the UTF-8 character at the front; 0 where there is none: later bytes missing, too long a form, a surrogate,
// beyond U+10FFFF. `text` is not empty.
std::size_t utf8_length(std::string_view text);
bool is_utf8(std::string_view text);
constexpr bool begins_character(char c) { return (c & 0xc0) != 0x80; }  // not a later byte of UTF-8
std::size_t count_characters(std::string_view text);                    // code points of UTF-8

// Text of a foreign file for a message or table: control characters and bytes that are not UTF-8 escaped, cut after 120
// bytes.
std::string printable(std::string_view text);
// Names come from files: control characters become "?", so that an escape sequence in one does not reach the terminal.
std::string visible(std::string_view text);
// A JSON string, quotes and all. `text` is UTF-8: what is not goes through as it is.
std::string json_string(std::string_view text);

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c; }
std::string to_lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trimmed(std::string_view text);  // without blanks and tabs at its ends

// Levenshtein distance in bytes: insertions, deletions and substitutions. For "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);

std::string size_text(uint64_t bytes);  // for people, in powers of ten: "735 bytes", "579 KB", "46.8 MB"

}  // namespace pc
