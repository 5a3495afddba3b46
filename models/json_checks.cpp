#include "models/json_checks.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pc {
namespace {

using nlohmann::json;

// What the message shows of a value: a file may hold megabytes there.
std::string shown(const json& value) {
  constexpr std::size_t kMost = 40;
  if (value.is_structured()) return value.is_array() ? "an array" : "an object";
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() > kMost ? text.substr(0, kMost) + "…" : text;
}

}  // namespace

int64_t integer(const json& value, const std::string& what, int64_t least, int64_t most) {
  const bool fits =
      value.is_number_integer() &&
      !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()));
  if (!fits || value.get<int64_t>() < least || value.get<int64_t>() > most)
    throw std::out_of_range(
        fmt::format("{} is {}, which is not an integer from {} to {}", what, shown(value), least, most));
  return value.get<int64_t>();
}

double real(const json& value, const std::string& what, double least, double most) {
  if (!value.is_number() || !(value.get<double>() >= least) || !(value.get<double>() <= most))
    throw std::out_of_range(
        fmt::format("{} is {}, which is not a number from {} to {}", what, shown(value), least, most));
  return value.get<double>();
}

int64_t integer_at(const json& object, const std::string& key, int64_t least, int64_t most) {
  return integer(object.at(key), key, least, most);
}

}  // namespace pc
