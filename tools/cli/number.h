// Numbers as people type them.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace pc::cli {

// All of `text` as a number from `low` to `high`, both included; nullopt if it is anything else.
template <class T>
std::optional<T> number_in(std::string_view text, T low, T high) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= low && value <= high ? std::optional(value) : std::nullopt;
}

}  // namespace pc::cli
