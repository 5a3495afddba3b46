// The traps of CSV files, each with the line its error names.
#include "data/csv.h"

#include "make.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows read(CsvReader& csv) {
  Rows rows;
  std::vector<std::string_view> fields;
  while (csv.next(fields)) rows.emplace_back(fields.begin(), fields.end());
  return rows;
}
Rows read(const std::string& text) {
  CsvReader csv(text, "s.csv");
  return read(csv);
}
std::string read_error(const std::string& text) {
  return test::error_of([&] { read(text); });
}

TEST(Csv, BomCrlfBlankLinesAndNoNewlineAtTheEnd) {
  const std::string text = "\xef\xbb\xbfid,name\r\n1,a\r\n\r\n2,\r\n3,c";
  CsvReader csv(text, "s.csv");
  EXPECT_EQ(csv.header(), (std::vector<std::string>{"id", "name"}));
  EXPECT_EQ(read(csv), (Rows{{"1", "a"}, {"2", ""}, {"3", "c"}}));
}

TEST(Csv, QuotedFields) {
  EXPECT_EQ(read("a,b\n\"x, y\",\"say \"\"hi\"\"\"\n\"two\nlines\",\"\"\n"),
            (Rows{{"x, y", "say \"hi\""}, {"two\nlines", ""}}));
  EXPECT_EQ(read("a,b\r\n\"x\",\"y\"\r\n1,2\r\n"), (Rows{{"x", "y"}, {"1", "2"}}));
}

TEST(Csv, QuotesInsideAnUnquotedFieldAreCharacters) {
  EXPECT_EQ(read("a,b\n1,5\" heel\n2,it\"s\n"), (Rows{{"1", "5\" heel"}, {"2", "it\"s"}}));
}

TEST(Csv, SurplusFieldsJoinTheLastColumnAndAreCounted) {
  const std::string text = "id,name\n1,Shirt, blue, M\n2,Hat\n3,a,\n";
  CsvReader csv(text, "s.csv");
  EXPECT_EQ(read(csv), (Rows{{"1", "Shirt, blue, M"}, {"2", "Hat"}, {"3", "a,"}}));
  EXPECT_EQ(csv.repaired(), 2);
}

TEST(Csv, TooFewFieldsNameTheLine) {
  EXPECT_EQ(read_error("a,b,c\n1,2,3\n1,2\n"), "3: s.csv:3: 2 fields, expected 3");
  EXPECT_EQ(read_error("a,b\n\"1\n1\",2\nx\n"), "3: s.csv:4: 1 fields, expected 2");  // a newline in quotes counts
}

TEST(Csv, UnclosedQuoteNamesTheLineWhereItOpened) {
  std::string text = "a,b\n1,2\n3,4\n5,\"six\n";
  for (int i = 0; i < 1000; ++i) text += "7,8\n";
  EXPECT_EQ(read_error(text), "3: s.csv:4: quoted field is never closed");
}

TEST(Csv, UnclosedQuoteBeforeAnotherQuoteIsFoundAtItsOwnLine) {
  EXPECT_EQ(read_error("a,b\n1,\"two\n3,\"four\"\n"),
            "3: s.csv:2: text after the closing quote of a field; double the quotes inside it");
}

TEST(Csv, HugeFieldIsRefusedAfterAMegabyte) {
  const std::string most(std::size_t(1) << 20, 'x');
  EXPECT_EQ(read("a\n" + most + "\n\"" + most + "\"\n").size(), 2u);
  EXPECT_EQ(read_error("a\n" + most + "x\n"), "3: s.csv:2: field is longer than 1 MiB");
  const std::string text = "a,b\n1,\"" + std::string(std::size_t(4) << 20, 'x');
  EXPECT_EQ(read_error(text), "3: s.csv:2: quoted field is longer than 1 MiB; is its closing quote missing?");
}

// As Python's csv: a blank line is no row, a quoted nothing is one.
TEST(Csv, AQuotedEmptyFieldIsARow) {
  CsvReader csv("id\na\n\"\"\n\nb\n", "s.csv");
  EXPECT_EQ(read(csv), (Rows{{"a"}, {""}, {"b"}}));
}

TEST(Csv, EmptyTextAndDoubledColumn) {
  EXPECT_EQ(read_error(""), "3: s.csv: empty file");
  EXPECT_EQ(read_error("\n\r\n"), "3: s.csv: empty file");
  EXPECT_EQ(read_error("id,id\n"), "3: s.csv:1: column \"id\" twice");
  EXPECT_EQ(read_error("\xff\xfei"), "3: s.csv: damaged UTF-16; save the file as UTF-8");
}

TEST(Csv, UnknownColumnNamesTheNearest) {
  const std::string text = "id,gender,articleType\n";
  const CsvReader csv(text, "s.csv");
  EXPECT_EQ(csv.column("articleType"), 2u);
  EXPECT_EQ(csv.column("ARTICLETYPE "), 2u);
  EXPECT_EQ(
      test::error_of([&] { csv.column("article_type"); }),
      "3: s.csv: no column \"article_type\"; the columns are id, gender, articleType; did you mean \"articleType\"?");
  EXPECT_EQ(test::error_of([&] { csv.column("colour"); }),
            "3: s.csv: no column \"colour\"; the columns are id, gender, articleType");
  EXPECT_EQ(no_such_column("s.csv", "ab", {"xy", "aa", "bb"}),
            "s.csv: no column \"ab\"; the columns are xy, aa, bb; did you mean \"aa\"?")
      << "the first of the nearest";
}

TEST(Csv, SeparatorIsWhatTheHeaderHasMostOf) {
  const Rows rows{{"1", "a, b"}, {"2", "c;d"}};
  EXPECT_EQ(read("id;name\n1;a, b\n2;\"c;d\"\n"), rows);
  EXPECT_EQ(read("id\tname\n1\ta, b\n2\tc;d\n"), rows);
  EXPECT_EQ(read("id,\"a;b;c\"\n1,\"a, b\"\n2,c;d\n"), rows);
  EXPECT_EQ(read("SEP=|\nid|name\n1|a, b\n2|c;d\n"), rows);
  EXPECT_EQ(read("id;name\n1;a;b\n"), (Rows{{"1", "a;b"}}));
  EXPECT_EQ(read("a;b,c\n1;2,3\n"), (Rows{{"1;2", "3"}})) << "of equally frequent ones the first of these four";
  EXPECT_EQ(read_error("sep=;\nid;name\n1\n"), "3: s.csv:3: 1 fields, expected 2");
}

TEST(Csv, EmptyFieldsAtTheHeadersEndAreNoColumns) {
  const std::string text = "id,name,,\n1,a,,\n2,b\n3,c, d,\n4,,,\n5,\n,,,\n";
  CsvReader csv(text, "s.csv");
  EXPECT_EQ(csv.header(), (std::vector<std::string>{"id", "name"}));
  EXPECT_EQ(read(csv), (Rows{{"1", "a"}, {"2", "b"}, {"3", "c, d"}, {"4", ""}, {"5", ""}}));
  EXPECT_EQ(csv.repaired(), 1);
}

// Written by Python: "id,n\n1,Grö ☃ 👟\n".encode("utf-16-le") and -be.
TEST(Csv, Utf16) {
  using namespace std::string_literals;
  const std::string little = "\xff\xfei\0d\0,\0n\0\n\0001\0,\0G\0r\0\xf6\0 \0\x03\x26 \0\x3d\xd8\x5f\xdc\n\0"s;
  std::string big = little;
  for (std::size_t i = 0; i < big.size(); i += 2) std::swap(big[i], big[i + 1]);
  for (const std::string& text : {little, big})
    EXPECT_EQ(read(text), (Rows{{"1", "Gr\xc3\xb6 \xe2\x98\x83 \xf0\x9f\x91\x9f"}}));
  const std::string half = little.substr(0, little.size() - 4) + "\n\0"s;
  EXPECT_EQ(read_error(half), "3: s.csv: damaged UTF-16; save the file as UTF-8");
}

TEST(Csv, BytesOfFileNamesAreTakenOnlyWhereTheyAreWanted) {
  const std::string text = "file\ncaf\xe9\n";
  CsvReader csv(text, "s.csv", CsvReader::Bytes::any);
  EXPECT_EQ(read(csv), (Rows{{"caf\xe9"}}));
  EXPECT_EQ(read_error(text), "3: s.csv:2: not UTF-8; save the file as UTF-8");
}

}  // namespace
}  // namespace pc::data
