// Bars, columns and tables: exact text, and never wider than the window.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support.h"
#include "tools/cli/terminal.h"
#include "tools/dataset/inspect_text.h"
#include "tools/html/html.h"

namespace pc::dataset {
namespace {

TEST(Text, BarsGrowByEighths) {
  EXPECT_EQ(cli::bar(0, 4), "");
  EXPECT_EQ(cli::bar(0.0001, 4), "▏") << "something is not nothing";
  EXPECT_EQ(cli::bar(0.5, 4), "██");
  EXPECT_EQ(cli::bar(0.53125, 4), "██▏");
  EXPECT_EQ(cli::bar(1, 4), "████");
  EXPECT_EQ(cli::bar(7, 4), "████");
  EXPECT_EQ(cli::bar(1, 0), "");
}

TEST(Text, GroupsDigits) {
  EXPECT_EQ(cli::grouped(0), "0");
  EXPECT_EQ(cli::grouped(999), "999");
  EXPECT_EQ(cli::grouped(1000), "1,000");
  EXPECT_EQ(cli::grouped(40052), "40,052");
  EXPECT_EQ(cli::grouped(-123456), "-123,456");
}

TEST(Text, ClipsByCharacters) {
  EXPECT_EQ(cli::clipped("Sünde", 5), "Sünde");
  EXPECT_EQ(cli::clipped("Sünden", 5), "Sünd…");
  EXPECT_EQ(cli::clipped("ab", 1), "…");
  EXPECT_EQ(cli::clipped("ab", 0), "");
}

ColumnFacts column() {
  ColumnFacts facts{.name = "articleType", .classes = {}, .labeled = 1000};
  facts.classes = {
      {"Tshirts", 600, 0}, {"Shirts", 300, 1}, {"A very long name of a class of products", 99, 2}, {"Ties", 1, 3}};
  return facts;
}

TEST(ClassTable, PlainWhereNobodyLooks) {
  EXPECT_EQ(class_table(column(), 2, {}),
            "    Tshirts       600   60.0 %\n"
            "    Shirts        300   30.0 %\n"
            "    and 2 more: 100 images\n");
}

TEST(ClassTable, FitsTheWindow) {
  for (const int columns : {45, 60, 80, 200}) {
    std::istringstream lines(class_table(column(), 0, {.on = true, .color = false, .columns = columns}));
    std::size_t longest = 0;
    for (std::string line; std::getline(lines, line); longest = std::max(longest, cli::width(line)))
      EXPECT_LE(cli::width(line), std::size_t(columns));
    EXPECT_GT(longest, columns < 100 ? std::size_t(columns) - 12 : 80u)
        << "the bar of the largest class fills its columns";
  }
}

TEST(ClassTable, ColorsOnlyWhereAllowed) {
  EXPECT_LACKS(class_table(column(), 0, {.on = true, .color = false}), '\033');
  EXPECT_HAS(class_table(column(), 0, {.on = true, .color = true}), "\033[36m█");
}

TEST(BalanceText, SaysWhatIsRare) {
  ColumnFacts facts = column();
  facts.missing = 4;
  EXPECT_EQ(balance_text(facts),
            "4 classes; the largest has 60.0 % of the labels, 6.06 times the median; 1 with one image; 4 images "
            "without a label");
  EXPECT_EQ(balance_text({}), "no image has a label");
}

TEST(HtmlText, EscapesAndRepairs) {
  EXPECT_EQ(html::html_text("<b>\"R&D's\""), "&#60;b&#62;&#34;R&#38;D&#39;s&#34;");
  EXPECT_EQ(html::html_text("Röcke ✓ 👗"), "Röcke ✓ 👗");
  EXPECT_EQ(html::html_text("a\x01\x7f"
                            "b"),
            "a\uFFFD\uFFFD"
            "b");
  EXPECT_EQ(html::html_text("\xff\xc3"), "\uFFFD\uFFFD");
  EXPECT_EQ(html::html_text("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(html::html_text("\xc0\xbc"), "\uFFFD\uFFFD") << "an overlong <";
}

}  // namespace
}  // namespace pc::dataset
