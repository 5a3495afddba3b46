#include "tools/cli/validators.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "tools/cli/number.h"

namespace pc::cli {
namespace {

template <class T>
CLI::Validator number_between(const char* kind, T low, T high) {
  const std::string range = fmt::format("{} to {}", low, high);
  const auto check = [=](const std::string& text) {
    return number_in(text, low, high) ? std::string() : fmt::format("{}: requires {} from {}", text, kind, range);
  };
  return CLI::Validator(check, range);
}

}  // namespace

CLI::Validator between(int low, int high) { return number_between<int64_t>("a whole number", low, high); }
CLI::Validator between(double low, double high) { return number_between("a number", low, high); }

CLI::Validator one_of(const std::vector<std::string>& values) {
  const std::string names = fmt::format("{}", fmt::join(values, ", "));
  const auto check = [values, names](const std::string& text) {
    const bool known = std::find(values.begin(), values.end(), text) != values.end();
    return known ? std::string() : fmt::format("{}: requires one of {}", text, names);
  };
  return CLI::Validator(check, names);
}

}  // namespace pc::cli
