#include "data/name_key.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "kernels/base/text.h"

namespace pc::data {
namespace {

std::optional<std::string> mapped(std::string_view text, int options) {
  utf8proc_uint8_t* result = nullptr;
  const auto bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const auto n = utf8proc_map(bytes, utf8proc_ssize_t(text.size()), &result, utf8proc_option_t(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(result, std::free);
  if (n < 0) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(result), std::size_t(n));
}

bool is_blank(utf8proc_int32_t c) {
  const utf8proc_category_t category = utf8proc_category(c);
  return (c >= 0x09 && c <= 0x0d) || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

bool is_invisible(utf8proc_int32_t c) {
  const utf8proc_category_t category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CC;
}

// Calls visit(character, its bytes). `text` is UTF-8.
template <typename Visit>
void for_each_character(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    utf8proc_int32_t c = 0;
    const auto n =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), utf8proc_ssize_t(text.size()), &c);
    const std::size_t bytes = n > 0 ? std::size_t(n) : 1;
    visit(n > 0 ? c : utf8proc_int32_t(uint8_t(text[0])), text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
}

}  // namespace

std::string name_key(std::string_view name) {
  constexpr int kFold = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
  const std::string folded = mapped(name, kFold).value_or(to_lower(name));
  std::string key;
  bool blank = false;
  for_each_character(folded, [&](utf8proc_int32_t c, std::string_view bytes) {
    if (is_blank(c)) {
      blank = true;
    } else if (!is_invisible(c)) {
      if (blank && !key.empty()) key += ' ';
      blank = false;
      key += bytes;
    }
  });
  return key;
}

std::optional<std::size_t> find_name(const std::vector<std::string>& names, std::string_view name) {
  if (const auto equal = std::find(names.begin(), names.end(), name); equal != names.end())
    return std::size_t(equal - names.begin());
  const std::string key = name_key(name);
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name_key(names[i]) != key) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

std::vector<std::vector<std::size_t>> alike_names(const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::size_t>> by_key;
  for (std::size_t i = 0; i < names.size(); ++i) by_key[name_key(names[i])].push_back(i);
  std::vector<std::vector<std::size_t>> groups;
  for (auto& [key, group] : by_key)
    if (group.size() > 1) groups.push_back(std::move(group));
  std::sort(groups.begin(), groups.end());
  return groups;
}

std::vector<std::string> told_apart(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (const std::string& name : names) shown.push_back(visible(name));
  for (const auto& group : alike_names(names))
    for (const std::size_t i : group) shown[i] = spelled_out(names[i]);
  return shown;
}

std::string spelled_out(std::string_view name) {
  if (!is_utf8(name)) return '"' + printable(name) + '"';
  const bool composed = mapped(name, UTF8PROC_STABLE | UTF8PROC_COMPOSE) == name;
  std::string text = "\"";
  for_each_character(name, [&](utf8proc_int32_t c, std::string_view bytes) {
    const bool hidden = c != ' ' && (is_blank(c) || is_invisible(c));
    text += hidden || (!composed && c >= 0x80) ? fmt::format("\\u{{{:x}}}", uint32_t(c)) : std::string(bytes);
  });
  return text + '"';
}

}  // namespace pc::data
