// Union by first item, and the keys that products share.
#include "data/groups.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "kernels/base/text.h"

namespace pc {
namespace {

// The words of ASCII text in lower case; bytes of other letters stay as they are.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || !std::isspace(byte))
      words.back() += to_lower(c);
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

Grouping::Grouping(std::size_t items) : parent_(items) { std::iota(parent_.begin(), parent_.end(), 0u); }

uint32_t Grouping::first_of(uint32_t item) const {
  while (parent_[item] != item) item = parent_[item] = parent_[parent_[item]];
  return item;
}

void Grouping::join(uint32_t a, uint32_t b) {
  a = first_of(a), b = first_of(b);
  parent_[std::max(a, b)] = std::min(a, b);
}

void Grouping::join(const ItemGroups& groups) {
  for (const auto& group : groups)
    for (const uint32_t item : group) join(group.front(), item);
}

void Grouping::join_equal(const std::vector<std::string>& keys) {
  std::unordered_map<std::string_view, uint32_t> first;
  for (uint32_t i = 0; i < keys.size(); ++i)
    if (!keys[i].empty()) join(first.emplace(keys[i], i).first->second, i);
}

ItemGroups Grouping::large() const {
  ItemGroups by_first(parent_.size());
  for (uint32_t i = 0; i < parent_.size(); ++i) by_first[first_of(i)].push_back(i);
  std::erase_if(by_first, [](const auto& group) { return group.size() < 2; });
  return by_first;
}

std::vector<std::string> name_keys(const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  for (const std::string& name : names) {
    std::string& key = keys.emplace_back();
    for (const std::string& word : words_of(name)) key += (key.empty() ? "" : " ") + word;
  }
  return keys;
}

std::vector<std::string> brand_keys(const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  for (const std::string& name : names) {
    const auto words = words_of(name);
    keys.push_back(words.empty() ? "" : words.front());
    std::erase_if(keys.back(), [](unsigned char c) { return c < 0x80 && !std::isalnum(c); });
  }
  return keys;
}

}  // namespace pc
