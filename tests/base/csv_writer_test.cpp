// Fields as RFC 4180 quotes them, and none that a spreadsheet would run.
#include "kernels/base/csv_writer.h"

#include <gtest/gtest.h>

namespace pc {
namespace {

TEST(CsvField, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv_field("plain text"), "plain text");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("5\" nails"), "\"5\"\" nails\"");
  EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(csv_field("two\r"), "\"two\r\"");
  EXPECT_EQ(csv_field("=1+1"), "=1+1");
}

TEST(CsvCell, IsNoFormula) {
  for (const std::string begin : {"=", "+", "-", "@", "\t"}) EXPECT_EQ(csv_cell(begin + "1"), "'" + begin + "1");
  EXPECT_EQ(csv_cell("\r1"), "\"'\r1\"");
  EXPECT_EQ(csv_cell("=A1,B1"), "\"'=A1,B1\"");
  EXPECT_EQ(csv_cell("1=1"), "1=1");
  EXPECT_EQ(csv_cell(""), "");
}

}  // namespace
}  // namespace pc
