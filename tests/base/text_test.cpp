// Text against the tables of its standards: Unicode's table 3-7, JSON as another parser reads it, distances counted by
// hand.
#include "kernels/base/text.h"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

namespace pc {
namespace {

// Table 3-7 of the Unicode standard, "Well-Formed UTF-8 Byte Sequences": ranges of the first bytes; later ones are
// 80..BF.
struct Row {
  int first_low, first_high, second_low, second_high;
  std::size_t length;
};
constexpr std::array kTable{
    Row{0x00, 0x7f, 0, 0, 1},       Row{0xc2, 0xdf, 0x80, 0xbf, 2}, Row{0xe0, 0xe0, 0xa0, 0xbf, 3},
    Row{0xe1, 0xec, 0x80, 0xbf, 3}, Row{0xed, 0xed, 0x80, 0x9f, 3}, Row{0xee, 0xef, 0x80, 0xbf, 3},
    Row{0xf0, 0xf0, 0x90, 0xbf, 4}, Row{0xf1, 0xf3, 0x80, 0xbf, 4}, Row{0xf4, 0xf4, 0x80, 0x8f, 4}};

std::size_t length_of(const std::array<int, 4>& bytes) {
  for (const Row& r : kTable) {
    if (bytes[0] < r.first_low || bytes[0] > r.first_high) continue;
    if (r.length > 1 && (bytes[1] < r.second_low || bytes[1] > r.second_high)) return 0;
    for (std::size_t i = 2; i < r.length; ++i)
      if (bytes[i] < 0x80 || bytes[i] > 0xbf) return 0;
    return r.length;
  }
  return 0;
}

TEST(Utf8, FollowsTheTable) {
  constexpr std::array kLater{0x00, 0x7f, 0x80, 0x8f, 0x90, 0xbf, 0xc0, 0xff};
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second)
      for (const int third : kLater)
        for (const int fourth : kLater) {
          const std::string text{char(first), char(second), char(third), char(fourth)};
          ASSERT_EQ(utf8_length(text), length_of({first, second, third, fourth}))
              << first << " " << second << " " << third << " " << fourth;
        }
}

TEST(Utf8, ACharacterCutShortIsNone) {
  for (const std::string whole : {"ü", "€", "😀"}) {
    EXPECT_TRUE(is_utf8(whole + "a" + whole));
    for (std::size_t n = 1; n < whole.size(); ++n) {
      EXPECT_EQ(utf8_length(whole.substr(0, n)), 0u);
      EXPECT_FALSE(is_utf8("a" + whole.substr(0, n)));
      EXPECT_FALSE(is_utf8(whole.substr(n)));
    }
  }
  EXPECT_TRUE(is_utf8(""));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // a surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // U+110000
  EXPECT_FALSE(is_utf8("\xc0\xaf"));          // a long form of '/'
}

TEST(Utf8, CharactersAreCounted) {
  EXPECT_EQ(count_characters(""), 0u);
  EXPECT_EQ(count_characters("aü€😀"), 4u);
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("conv1.weight"), "conv1.weight");
  EXPECT_EQ(printable("größe"), "größe");
  EXPECT_EQ(printable("a\n\x1b[2J\xff\x7f"), "a\\x0a\\x1b[2J\\xff\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_LT(printable(std::string(100'000, 'x')).size(), 200u);
}

TEST(Visible, NoEscapeReachesTheTerminal) { EXPECT_EQ(visible("a\033[31mb\n\x7fü"), "a?[31mb??ü"); }

TEST(JsonString, IsReadBackAndWrittenAsNlohmannDoes) {
  EXPECT_EQ(json_string(R"(a "b" \ c)"), R"("a \"b\" \\ c")");
  EXPECT_EQ(json_string(""), "\"\"");
  std::string all;
  for (int c = 0; c < 128; ++c) all += char(c);
  all += "ü€😀";
  EXPECT_EQ(json_string(all), nlohmann::json(all).dump());
  EXPECT_EQ(nlohmann::json::parse(json_string(all)).get<std::string>(), all);
}

TEST(Case, OnlyAsciiLettersHaveOne) {
  EXPECT_EQ(to_lower("@AZ[`az{ ÄÉ"), "@az[`az{ ÄÉ");
  EXPECT_TRUE(equal_ignoring_case("Content-TYPE", "content-type"));
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_FALSE(equal_ignoring_case("ab", "abc"));
  EXPECT_FALSE(equal_ignoring_case("@", "`")) << "32 apart, and no letters";
}

TEST(Trimmed, BlanksAndTabsAtTheEnds) {
  EXPECT_EQ(trimmed(" \t a b\t "), "a b");
  EXPECT_EQ(trimmed("a\n"), "a\n");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(EditDistance, AsCountedByHand) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("saturday", "sunday"), 3u);
  EXPECT_EQ(edit_distance("flaw", "lawn"), 2u);
  EXPECT_EQ(edit_distance("ab", "ba"), 2u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(SizeText, PowersOfTen) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(999), "999 bytes");
  EXPECT_EQ(size_text(1000), "1.0 KB");
  EXPECT_EQ(size_text(579'400), "579 KB");
  EXPECT_EQ(size_text(999'499), "999 KB");
  EXPECT_EQ(size_text(999'500), "1.0 MB");
  EXPECT_EQ(size_text(46'827'520), "46.8 MB");
  EXPECT_EQ(size_text(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace pc
