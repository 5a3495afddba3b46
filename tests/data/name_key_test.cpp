// Names that people take for one, against Python's own tables of Unicode (unicodedata 14 and str.casefold).
#include "data/name_key.h"

#include <gtest/gtest.h>

#include "data/split_name.h"

namespace pc::data {
namespace {

using Names = std::vector<std::string>;

TEST(NameKey, IsOneForBlanksCaseAndNormalForms) {
  // Each row: names of which Python says ' '.join(normalize('NFKC', normalize('NFKC', s).casefold()).split()) is one.
  const Names rows[] = {
      {"Apparel", "apparel", "Apparel ", " Apparel", "APPAREL", "Apparel\t", "Apparel\xc2\xa0",
       "\xe3\x80\x80"
       "Apparel"},
      {"Casual Shoes", "casual  shoes", "Casual\tShoes", "Casual\xc2\xa0Shoes"},
      {"Caf\xc3\xa9", "Cafe\xcc\x81", "CAF\xc3\x89"},  // NFC, NFD
      {"Stra\xc3\x9f"
       "e",
       "STRASSE"},
      {"\xd0\xa0\xd1\x83\xd0\xb1", "\xd1\x80\xd1\x83\xd0\xb1"},  // Cyrillic
      {"\xed\x95\x9c", "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"},  // Hangul, composed and not
      {"\xef\xbc\xa1"
       "bc",
       "abc"},                                        // full width
      {"Hat", "Hat\xe2\x80\x8b", "\xef\xbb\xbfHat"},  // invisible characters
  };
  for (const Names& row : rows)
    for (const std::string& name : row) EXPECT_EQ(name_key(name), name_key(row.front())) << spelled_out(name);
  EXPECT_NE(name_key("Shirts"), name_key("Shirt"));
  EXPECT_NE(name_key("T-Shirt"), name_key("T Shirt"));
  EXPECT_EQ(name_key(" \t"), "");
  EXPECT_EQ(name_key("A\xff "), "a\xff");
}

TEST(NameKey, TheEqualNameGoesBeforeAnAlikeOne) {
  const Names names{"Color", "color ", "Size"};
  EXPECT_EQ(find_name(names, "color "), 1u);
  EXPECT_EQ(find_name(names, "COLOR"), std::nullopt);  // either
  EXPECT_EQ(find_name(names, " size"), 2u);
  EXPECT_EQ(find_name(names, "sizes"), std::nullopt);
}

TEST(NameKey, AlikeNamesAreToldApart) {
  const Names names{"Apparel", "Apparel ", "Hat", "apparel", "Caf\xc3\xa9", "Cafe\xcc\x81", "Hat\xc2\xa0"};
  EXPECT_EQ(alike_names(names), (std::vector<std::vector<std::size_t>>{{0, 1, 3}, {2, 6}, {4, 5}}));
  EXPECT_EQ(told_apart({"Shoe", "Apparel ", "apparel"}), (Names{"Shoe", "\"Apparel \"", "\"apparel\""}));
  EXPECT_EQ(told_apart(names), (Names{"\"Apparel\"", "\"Apparel \"", "\"Hat\"", "\"apparel\"", "\"Caf\xc3\xa9\"",
                                      "\"Cafe\\u{301}\"", "\"Hat\\u{a0}\""}));
}

TEST(SplitName, SynonymsInAnyCase) {
  const std::pair<Split, Names> cases[] = {
      {Split::train,
       {"train", "Train", "TRAINING", "Training Set", "train_data", "seg_train", "train2017", "trainset"}},
      {Split::val, {"val", "Valid", "Validation", "dev", "DEV", "validation-images", "eval"}},
      {Split::test, {"test", "TEST", "Testing", "Test ", "test_set", "Testdata"}}};
  for (const auto& [split, names] : cases)
    for (const std::string& name : names) EXPECT_EQ(split_named(name), split) << name;
  for (const char* name : {"trainers", "Training Shoes", "test tubes", "valise", "devices", "", "set", "data", "Tests",
                           "train test", "contest"})
    EXPECT_EQ(split_named(name), std::nullopt) << name;
}

}  // namespace
}  // namespace pc::data
