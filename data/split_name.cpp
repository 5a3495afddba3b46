#include "data/split_name.h"

#include <algorithm>
#include <string>
#include <vector>

#include "data/name_key.h"

namespace pc::data {
namespace {

struct Synonym {
  std::string_view word;
  Split split;
};
constexpr Synonym kSynonyms[] = {
    {"train", Split::train}, {"training", Split::train}, {"trn", Split::train},    {"val", Split::val},
    {"valid", Split::val},   {"validation", Split::val}, {"validate", Split::val}, {"dev", Split::val},
    {"eval", Split::val},    {"evaluation", Split::val}, {"test", Split::test},    {"testing", Split::test},
    {"tst", Split::test},
};
// Words beside one of the above that do not change what it means.
constexpr std::string_view kFillers[] = {"dataset", "set",      "data",   "images", "image",  "imgs",
                                         "img",     "pictures", "photos", "split",  "folder", "seg"};

bool is_filler(std::string_view word) {
  return std::find(std::begin(kFillers), std::end(kFillers), word) != std::end(kFillers);
}

std::optional<Split> synonym(std::string_view word) {
  for (const Synonym& s : kSynonyms)
    if (s.word == word) return s.split;
  return std::nullopt;
}

// "trainingset" and "train2017" too.
std::optional<Split> split_of_word(std::string_view word) {
  while (!word.empty() && word.back() >= '0' && word.back() <= '9') word.remove_suffix(1);
  if (const auto split = synonym(word)) return split;
  for (const std::string_view filler : kFillers)
    if (word.ends_with(filler)) return synonym(word.substr(0, word.size() - filler.size()));
  return std::nullopt;
}

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name_key(name)) {
    const bool part = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
    if (part)
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

bool is_number(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<Split> split_named(std::string_view name) {
  std::optional<Split> found;
  for (const std::string& word : words_of(name)) {
    if (is_filler(word) || is_number(word)) continue;
    if (found) return std::nullopt;
    found = split_of_word(word);
    if (!found) return std::nullopt;
  }
  return found;
}

}  // namespace pc::data
