// Bars, columns and tables: exact text, and never wider than the window.
#include <gtest/gtest.h>

#include <sstream>

#include "tools/cli/terminal.h"
#include "tools/dataset/inspect_report.h"
#include "tools/report/html.h"

namespace pc {
namespace {

TEST(Text, BarsGrowByEighths) {
  EXPECT_EQ(bar(0, 4), "");
  EXPECT_EQ(bar(0.0001, 4), "▏") << "something is not nothing";
  EXPECT_EQ(bar(0.5, 4), "██");
  EXPECT_EQ(bar(0.53125, 4), "██▏");
  EXPECT_EQ(bar(1, 4), "████");
  EXPECT_EQ(bar(7, 4), "████");
  EXPECT_EQ(bar(1, 0), "");
}

TEST(Text, GroupsDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(40052), "40,052");
  EXPECT_EQ(grouped(-123456), "-123,456");
}

TEST(Text, ClipsByCharacters) {
  EXPECT_EQ(clipped("Sünde", 5), "Sünde");
  EXPECT_EQ(clipped("Sünden", 5), "Sünd…");
  EXPECT_EQ(clipped("ab", 1), "…");
  EXPECT_EQ(clipped("ab", 0), "");
}

ColumnFacts column() {
  ColumnFacts facts{.name = "articleType", .classes = {}, .labelled = 1000};
  facts.classes = {
      {"Tshirts", 600, 0}, {"Shirts", 300, 1}, {"A very long name of a class of products", 99, 2}, {"Ties", 1, 3}};
  return facts;
}

TEST(ClassTable, PlainWhereNobodyLooks) {
  EXPECT_EQ(class_table(column(), 2, {}),
            "    Tshirts       600   60.0 %\n"
            "    Shirts        300   30.0 %\n"
            "    and 2 more: 100 pictures\n");
}

TEST(ClassTable, FitsTheWindow) {
  for (const int columns : {45, 60, 80, 200}) {
    std::istringstream lines(class_table(column(), 0, {.on = true, .color = false, .columns = columns}));
    std::size_t longest = 0;
    for (std::string line; std::getline(lines, line); longest = std::max(longest, width(line)))
      EXPECT_LE(width(line), std::size_t(columns));
    EXPECT_GT(longest, columns < 100 ? std::size_t(columns) - 12 : 80u)
        << "the bar of the largest class fills the room";
  }
}

TEST(ClassTable, ColorsOnlyWhereAllowed) {
  EXPECT_EQ(class_table(column(), 0, {.on = true, .color = false}).find('\033'), std::string::npos);
  EXPECT_NE(class_table(column(), 0, {.on = true, .color = true}).find("\033[36m█"), std::string::npos);
}

TEST(BalanceText, SaysWhatIsRare) {
  ColumnFacts facts = column();
  facts.missing = 4;
  EXPECT_EQ(balance_text(facts),
            "4 classes; the largest has 60.0 % of the labels, 6.06 times the median; 1 with one picture; 4 pictures "
            "without a label");
  EXPECT_EQ(balance_text({}), "no picture has a label");
}

TEST(HtmlText, EscapesAndRepairs) {
  EXPECT_EQ(html_text("<b>\"R&D's\""), "&#60;b&#62;&#34;R&#38;D&#39;s&#34;");
  EXPECT_EQ(html_text("Röcke ✓ 👗"), "Röcke ✓ 👗");
  EXPECT_EQ(html_text("a\x01\x7f"
                      "b"),
            "a\uFFFD\uFFFD"
            "b");
  EXPECT_EQ(html_text("\xff\xc3"), "\uFFFD\uFFFD");
  EXPECT_EQ(html_text("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(html_text("\xc0\xbc"), "\uFFFD\uFFFD") << "an overlong <";
}

}  // namespace
}  // namespace pc
