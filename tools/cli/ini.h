// INI files as a list of entries with their lines, and the table of keys that a program knows.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace pc::cli {

struct IniEntry {
  std::string section, key, value;
  std::string place;  // "config.ini:12" or "--set"
};

// Errors: Error(file) for an unreadable file, Error(usage) "config.ini:12: …" for a line that is neither section, entry nor comment, and
// for a key given twice; "config.yaml: looks like YAML, not INI; …".
std::vector<IniEntry> read_ini(const std::filesystem::path& path);

// "train.lr=0.1" -> entry. Error(usage) for another form.
IniEntry parse_override(const std::string& text);

// One key of a program's configuration.
struct ConfigKey {
  std::string section, key, help;
  std::string wants;  // "a number from 0 to 1000"
  std::function<void(const std::string& value)>
      set;  // throws std::invalid_argument for a bad value, mostly "requires " + wants
  std::function<std::string()> get;
};

// Applies the entries in order. Error(usage) "config.ini:12: unknown key train.learing_rate; did you mean train.learning_rate?" or
// "config.ini:12: train.lr = 0,01: requires a number".
void apply_config(const std::vector<IniEntry>& entries, const std::vector<ConfigKey>& keys);

// All keys with their values, as an INI file; `with_help` puts each key's meaning above it.
std::string to_ini(const std::vector<ConfigKey>& keys, bool with_help);

// What a person reads to write such a file: each key with what it wants, its value as the default, and its meaning.
std::string config_help(const std::vector<ConfigKey>& keys);

// Makers of keys bound to a variable. Numbers are parsed in the C locale, whole, and checked against [low, high].
ConfigKey text_key(const std::string& section, const std::string& key, std::string& value, const std::string& help);
ConfigKey list_key(const std::string& section, const std::string& key, std::vector<std::string>& value,
                   const std::string& help);
ConfigKey int_key(const std::string& section, const std::string& key, int64_t& value, int64_t low, int64_t high,
                  const std::string& help);
ConfigKey number_key(const std::string& section, const std::string& key, double& value, double low, double high,
                     const std::string& help);
// A number that may be "auto" as well: the variable holds kAuto then.
constexpr int kAuto = -1;
ConfigKey or_auto(ConfigKey key, int64_t& value);
ConfigKey or_auto(ConfigKey key, double& value);
ConfigKey flag_key(const std::string& section, const std::string& key, bool& value, const std::string& help);
ConfigKey choice_key(const std::string& section, const std::string& key, std::string& value,
                     std::vector<std::string> choices, const std::string& help);

}  // namespace pc::cli
