#include "tools/cli/ini.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ini.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/input_stream.h"
#include "kernels/base/nearest.h"
#include "kernels/base/text.h"
#include "tools/cli/number.h"

namespace pc::cli {
namespace {

// What inih reads from: it asks for one line at a time, so counting them gives every entry its place.
struct Lines {
  std::string name, text;
  std::size_t position = 0;
  int line = 0;
  std::vector<IniEntry> entries;
};

char* next_line(char* buffer, int size, void* stream) {
  auto& lines = *static_cast<Lines*>(stream);
  if (lines.position >= lines.text.size()) return nullptr;
  ++lines.line;
  const std::size_t end = std::min(lines.text.find('\n', lines.position), lines.text.size() - 1) + 1;
  const std::size_t length = end - lines.position;
  if (length >= std::size_t(size))
    fail(Exit::usage, fmt::format("{}:{}: line of more than {} characters", lines.name, lines.line, size - 2));
  lines.text.copy(buffer, length, lines.position);
  buffer[length] = '\0';
  lines.position = end;
  return buffer;
}

int take_entry(void* user, const char* section, const char* key, const char* value) {
  auto& lines = *static_cast<Lines*>(user);
  lines.entries.push_back({section, key, value, fmt::format("{}:{}", lines.name, lines.line)});
  return 1;
}

std::string full_name(const ConfigKey& key) { return key.section + "." + key.key; }

std::string unknown_key(const std::vector<ConfigKey>& keys, const std::string& name) {
  std::vector<std::string> names;
  for (const ConfigKey& key : keys) names.push_back(full_name(key));
  std::string nearest = nearest_name(name, names);
  for (const ConfigKey& key : keys)  // in another section
    if (key.key == name.substr(name.find('.') + 1)) nearest = full_name(key);
  return fmt::format("unknown key {}; {}", name,
                     nearest.empty() ? "--help-config lists the keys" : fmt::format("did you mean {}?", nearest));
}

template <class T>
T parse_number(const std::string& text, const std::string& wants, T low, T high) {
  const auto value = number_in(text, low, high);
  if (!value) throw std::invalid_argument("requires " + wants);
  return *value;
}

// The run's config.ini is read again: there a ; after white space begins a comment, a line break ends the value, and inih
// takes lines of 198 characters.
void check_text(const std::string& text) {
  constexpr std::size_t kMost = 180;
  if (text.size() > kMost) throw std::invalid_argument(fmt::format("requires at most {} characters", kMost));
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; };
  if (std::any_of(text.begin(), text.end(), is_control))
    throw std::invalid_argument("requires text without control characters");
  if (text.starts_with(';') || text.find(" ;") != std::string::npos || text.find("\t;") != std::string::npos)
    throw std::invalid_argument("requires text without a ; that begins a comment");
}

// The first line that is neither empty nor a comment.
std::string_view first_line(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && !line.starts_with('#') && !line.starts_with(';')) return line;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

// What the text is, where it cannot be INI: nothing stands before the first [section] there.
const char* other_format(const std::string& text) {
  const std::string_view line = first_line(text);
  if (line.starts_with('{') || nlohmann::json::accept(text)) return "JSON";
  if (line.starts_with('<')) return "XML or HTML";
  const std::size_t colon = line.find(':');
  const bool key = colon != line.npos && colon < line.find('=') && (colon + 1 == line.size() || line[colon + 1] == ' ');
  return key || line.starts_with("---") || line.starts_with("- ") || line.starts_with("%YAML") ? "YAML" : nullptr;
}

// TOML's quotes and brackets would become part of the value.
void check_quotes(const std::string& value) {
  const auto within = [&](char first, char last) {
    return value.size() >= 2 && value.front() == first && value.back() == last;
  };
  if (value.starts_with('"') || within('\'', '\'') || within('[', ']'))
    throw std::invalid_argument(
        "looks like TOML; INI has no quotes and brackets around values, and commas between those of a list");
}

}  // namespace

std::vector<IniEntry> read_ini(const std::filesystem::path& path) {
  Lines lines{.name = path.string(), .text = read_stream(path), .entries = {}};
  if (lines.text.find('\0') != std::string::npos) fail(Exit::usage, path.string() + ": not a text file");
  if (const char* format = other_format(lines.text))
    fail(Exit::usage, fmt::format("{}: looks like {}, not INI; write lines such as [train], with lr = 0.1 below",
                                  path.string(), format));
  if (const int line = ini_parse_stream(next_line, &lines, take_entry, &lines); line != 0)
    fail(Exit::usage, fmt::format("{}:{}: neither a [section], a key = value nor a comment", path.string(), line));
  std::map<std::pair<std::string, std::string>, std::string> seen;  // and where
  for (const IniEntry& entry : lines.entries)
    if (const auto [first, fresh] = seen.try_emplace({entry.section, entry.key}, entry.place); !fresh)
      fail(Exit::usage, fmt::format("{}: {}.{} is given twice, first at {}; keep one of them", entry.place,
                                    entry.section, entry.key, first->second));
  return lines.entries;
}

IniEntry parse_override(const std::string& text) {
  const auto equals = text.find('='), dot = text.find('.');
  if (equals == std::string::npos || dot == std::string::npos || dot > equals)
    fail(Exit::usage, fmt::format("--set {}: requires section.key=value", text));
  const auto part = [&](std::size_t begin, std::size_t end) {
    return std::string(trimmed(std::string_view(text).substr(begin, end - begin)));
  };
  return {part(0, dot), part(dot + 1, equals), part(equals + 1, text.size()), "--set"};
}

void apply_config(const std::vector<IniEntry>& entries, const std::vector<ConfigKey>& keys) {
  for (const IniEntry& entry : entries) {
    const std::string name = entry.section + "." + entry.key;
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& k) { return full_name(k) == name; });
    if (key == keys.end()) fail(Exit::usage, fmt::format("{}: {}", entry.place, unknown_key(keys, name)));
    try {
      check_quotes(entry.value);
      key->set(entry.value);
      check_quotes(key->get());  // as it will be written
    } catch (const std::invalid_argument& e) {
      fail(Exit::usage, fmt::format("{}: {} = {}: {}", entry.place, name, entry.value, e.what()));
    }
  }
}

std::string to_ini(const std::vector<ConfigKey>& keys, bool with_help) {
  std::string text, section;
  for (const ConfigKey& key : keys) {
    if (key.section != section) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", key.section);
    section = key.section;
    if (with_help) text += fmt::format("; {}\n", key.help);
    text += fmt::format("{} = {}\n", key.key, key.get());
  }
  return text;
}

std::string config_help(const std::vector<ConfigKey>& keys) {
  std::string text, section;
  for (const ConfigKey& key : keys) {
    if (key.section != section) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", key.section);
    section = key.section;
    const std::string value = key.get();
    text += fmt::format("{}: {}; default {}\n    {}\n", key.key, key.wants, value.empty() ? "empty" : value, key.help);
  }
  return text;
}

ConfigKey text_key(const std::string& section, const std::string& key, std::string& value, const std::string& help) {
  return {section,
          key,
          help,
          "text",
          [&value](const std::string& text) { check_text(text), value = text; },
          [&value] { return value; }};
}

ConfigKey list_key(const std::string& section, const std::string& key, std::vector<std::string>& value,
                   const std::string& help) {
  const auto set = [&value](const std::string& text) {
    value.clear();
    check_text(text);
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      if (const auto item = trimmed(std::string_view(text).substr(begin, end - begin)); !item.empty())
        value.emplace_back(item);
      begin = end + 1;
    }
    check_text(fmt::format("{}", fmt::join(value, ", ")));  // as it will be written
  };
  return {section, key,
          help,    "a list, with commas between",
          set,     [&value] { return fmt::format("{}", fmt::join(value, ", ")); }};
}

ConfigKey int_key(const std::string& section, const std::string& key, int64_t& value, int64_t low, int64_t high,
                  const std::string& help) {
  const std::string wants = fmt::format("a whole number from {} to {}", low, high);
  return {section,
          key,
          help,
          wants,
          [=, &value](const std::string& text) { value = parse_number<int64_t>(text, wants, low, high); },
          [&value] { return fmt::format("{}", value); }};
}

ConfigKey number_key(const std::string& section, const std::string& key, double& value, double low, double high,
                     const std::string& help) {
  const std::string wants = fmt::format("a number from {} to {}", low, high);
  return {section,
          key,
          help,
          wants,
          [=, &value](const std::string& text) { value = parse_number<double>(text, wants, low, high); },
          [&value] { return fmt::format("{}", value); }};
}

namespace {

template <class T>
ConfigKey number_or_auto(ConfigKey key, T& value) {
  const std::string wants = key.wants + ", or auto";
  const auto set = [wants, number = key.set, &value](const std::string& text) {
    if (text == "auto") return void(value = T(kAuto));
    try {
      number(text);
    } catch (const std::invalid_argument&) {
      throw std::invalid_argument("requires " + wants);
    }
  };
  const auto get = [number = key.get, &value] { return value == T(kAuto) ? "auto" : number(); };
  return {key.section, key.key, key.help, wants, set, get};
}

}  // namespace

ConfigKey or_auto(ConfigKey key, int64_t& value) { return number_or_auto(std::move(key), value); }
ConfigKey or_auto(ConfigKey key, double& value) { return number_or_auto(std::move(key), value); }

ConfigKey flag_key(const std::string& section, const std::string& key, bool& value, const std::string& help) {
  const auto set = [&value](const std::string& text) {
    if (text != "yes" && text != "no") throw std::invalid_argument("requires yes or no");
    value = text == "yes";
  };
  return {section, key, help, "yes or no", set, [&value] { return value ? "yes" : "no"; }};
}

ConfigKey choice_key(const std::string& section, const std::string& key, std::string& value,
                     std::vector<std::string> choices, const std::string& help) {
  const std::string wants = fmt::format("one of {}", fmt::join(choices, ", "));
  const auto set = [choices, wants, &value](const std::string& text) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end())
      throw std::invalid_argument("requires " + wants);
    value = text;
  };
  return {section, key, help, wants, set, [&value] { return value; }};
}

}  // namespace pc::cli
