// The one comparison of names: classes, columns, directories of a split. Two names are alike when people take them for
// one: they differ by blanks around or within, by letter case, or by the encoding of the same characters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pc::data {

// Equal for names that are alike: Unicode's NFKC_Casefold, without invisible characters, blanks trimmed and runs of
// them single. Of text that is not UTF-8 only ASCII is folded.
std::string name_key(std::string_view name);

// Index of `name` in `names`: the one that is equal, else the only one that is alike.
std::optional<std::size_t> find_name(const std::vector<std::string>& names, std::string_view name);

// The groups of two and more names that are alike, each in ascending order of index.
std::vector<std::vector<std::size_t>> alike_names(const std::vector<std::string>& names);

// The names as people can tell them apart: visible(), and spelled out when another one is alike.
std::vector<std::string> told_apart(const std::vector<std::string>& names);

// The name in quotes, with escapes such as \u{a0} for what cannot be seen, so that alike names differ on the screen.
// Of a name that is not NFC every character beyond ASCII is escaped.
std::string spelled_out(std::string_view name);

}  // namespace pc::data
