// Rows found again in a file: what a row is, whose, and where the missing ones go.
#include "tools/predict/found_rows.h"

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/predict/fixture.h"

namespace pc::predict {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kHeader = "file,status,error,verdict,kind,kind_p\n";

Texts names(std::string_view text, RowFormat format) {
  RowReader reader(text, format, "rows");
  Texts found;
  if (Texts header; format == RowFormat::csv && !reader.header(header)) return found;
  for (Row row; reader.next(row);) found.push_back(row.name + (row.answered ? "" : row.passing_error ? "?" : "!"));
  return found;
}

TEST(RowReader, ReadsWhatPcpredictAndSpreadsheetsWrite) {
  const std::string header = kHeader;
  EXPECT_EQ(names(header + "a.png,ok,,,shoe,0.9\nb.png,bad picture,why,,,\nc.png,file,why,,,\nd.png,limit,why,,,\n",
                  RowFormat::csv),
            (Texts{"a.png", "b.png!", "c.png?", "d.png?"}));
  EXPECT_EQ(names("\xef\xbb\xbf\"file\",\"status\",\"error\",\"verdict\",\"kind\",\"kind_p\"\r\n"
                  "\"a \"\"b\"\",\nc.png\",\"ok\",\"\",\"\",\"shoe\",\"0.9\"\r\n",
                  RowFormat::csv),
            (Texts{"a \"b\",\nc.png"}));
  EXPECT_EQ(names(header + "5\" heel.png,ok,,,shoe,0.9\nb.png,ok,,,shoe,0.9\n", RowFormat::csv),
            (Texts{"5\" heel.png", "b.png"}))
      << "a quote within a field opens nothing";
  EXPECT_EQ(names(header + "a.png,bad picture,why,,by hand,\n", RowFormat::csv), (Texts{"a.png"}))
      << "a person has answered";
  EXPECT_EQ(names(header + "a.png,bad picture,why,accepted,,\r\n\r\nb.png,limit,why,,,\r\n", RowFormat::csv),
            (Texts{"a.png", "", "b.png?"}));
  EXPECT_EQ(names(header + "a.png,ok,,,shoe,0.9\n\nb.png,o", RowFormat::csv), (Texts{"a.png", ""})) << "torn";
  EXPECT_EQ(names(header + "a.png,ok,,,shoe,0.9\n\"b.p\n", RowFormat::csv), (Texts{"a.png"})) << "torn in quotes";
  EXPECT_EQ(names("{\"file\":\"a\",\"status\":\"ok\",\"heads\":{}}\n{\"status\": \"limit\", \"file\": \"b\"}\r\n"
                  "{\"file\":\"c\",\"status\":\"bad picture\",\"heads\":{}}\n{\"fi",
                  RowFormat::json),
            (Texts{"a", "b?", "c"}));
}

// Whatever stands in the cells, and however a program quotes it.
TEST(RowReader, ReadsWhatPythonWrites) {
  const test::TemporaryFolder folder;
  const Texts files = {"a", "\"", "a\"", "\"\"a", ",", "a,\n\"b\",", "\r\n", " ' ", "=1", "ü\t", "a\r", ";"};
  nlohmann::json rows{{"file", "status", "error", "verdict", "kind", "kind_p"}};
  for (const std::string& file : files) rows.push_back({file, "ok", file, "", file, file});
  test::write_text(folder / "rows.json", rows.dump());
  for (const char* style : {"excel", "unix", "numbers", "utf-8-sig"}) {
    const auto python = test::shell(
        folder.path(),
        fmt::format("/usr/bin/python3 {}/tests/data/csv_peer.py write {} csv <rows.json", PC_SOURCE_DIR, style));
    ASSERT_EQ(python.code, 0) << python.err;
    EXPECT_EQ(names(read_file(folder / "csv"), RowFormat::csv), files) << style;
  }
}

TEST(RowReader, NamesTheLineThatIsNoRow) {
  const auto error = [](const std::string& text, RowFormat format) {
    return test::refusal([&] { names(text, format); });
  };
  const std::string csv = std::string(kHeader) + "a.png,ok,,,shoe,0.9\n";
  EXPECT_EQ(error(csv + "a note\n", RowFormat::csv).find("rows:3: not a row"), 0u);
  EXPECT_EQ(error(csv + std::string("b.png,o\0,,,,\n", 13), RowFormat::csv).find("rows:3: not a row"), 0u);
  for (const char* line : {"[]\n", "7\n", "{\"file\":7,\"status\":\"ok\"}\n", "{\"file\":\"a\"}\n", "note\n"})
    EXPECT_EQ(error(line, RowFormat::json).find("rows:1: not a row"), 0u) << line;
}

TEST(RowReader, KnowsAFileByItsRowWhateverItsName) {
  for (const std::string file : {"a.png", "=1.png", "a,b \"c\"\nd.png", "-x", "'=x", " b ", "\xff\xfe.png", "é"}) {
    EXPECT_FALSE(row_name(RowFormat::csv, file).empty()) << file;
    EXPECT_FALSE(row_name(RowFormat::json, file).empty()) << file;
  }
  EXPECT_EQ(row_name(RowFormat::csv, "=1.png"), "'=1.png");
  EXPECT_EQ(row_name(RowFormat::json, "\xff.png"), "\xef\xbf\xbd.png");
}

// Of rows named in `there`, as RowReader's test above shows them, and images: the file after the missing ones were
// added; "new" rows have a +.
std::string after(const Texts& there, const Texts& images) {
  std::string text = kHeader;
  for (const std::string& name : there) {
    const char last = name.back();
    const std::string file = last == '!' || last == '?' ? name.substr(0, name.size() - 1) : name;
    text += file + (last == '!' ? ",bad picture,why,,,\n" : last == '?' ? ",file,why,,,\n" : ",ok,,,shoe,0.9\n");
  }
  FoundRows found(text, RowFormat::csv, kHeader, "rows");
  for (const std::string& image : images)
    if (!found.has(image)) {
      const std::string row = image + "+,ok,,,shoe,0.9\n";
      found.added(row.size());
      text += row;
    }
  std::string ordered;
  for (const Span& span : found.final_order()) ordered += text.substr(span.begin, span.length);
  if (ordered.empty()) ordered = text;
  EXPECT_EQ(ordered.find(kHeader), 0u);
  std::string files;
  RowReader reader(ordered, RowFormat::csv, "");
  Texts header;
  reader.header(header);
  for (Row row; reader.next(row);) files += (files.empty() ? "" : " ") + row.name + (row.answered ? "" : "!");
  return files;
}

TEST(FoundRows, MissingRowsGoWhereTheirImagesAre) {
  EXPECT_EQ(after({"a", "b"}, {"a", "b", "c"}), "a b c+");
  EXPECT_EQ(after({"a", "c"}, {"a", "b", "c"}), "a b+ c");
  EXPECT_EQ(after({"b", "c"}, {"a", "b", "c"}), "a+ b c");
  EXPECT_EQ(after({}, {"a", "b"}), "a+ b+");
  EXPECT_EQ(after({"a", "c", "b"}, {"a", "b", "c"}), "a b c") << "killed before it was brought into order";
}

TEST(FoundRows, RowsWithoutAnAnswerAreAskedAgain) {
  EXPECT_EQ(after({"a", "b!", "c?", "d"}, {"a", "b", "c", "d"}), "a b+ c+ d");
  EXPECT_EQ(after({"a", "c?", "d", "c"}, {"a", "c", "d"}), "a c d") << "asked again, then killed";
}

TEST(FoundRows, RowsOfOtherImagesAreKept) {
  EXPECT_EQ(after({"x", "a", "y", "b!"}, {"c", "a"}), "x c+ a y b!");
  EXPECT_EQ(after({"a", "folder?", "b"}, {"a", "b", "folder/c"}), "a b folder/c+") << "it was no image";
}

TEST(FoundRows, EachRowIsOfOneImage) {
  EXPECT_EQ(after({"a"}, {"a", "a"}), "a a+");
  EXPECT_EQ(after({"a", "a"}, {"a", "a"}), "a a");
}

TEST(FoundRows, OtherColumnsAreRefused) {
  EXPECT_THROW(FoundRows("file,status,error,verdict,color,color_p\n", RowFormat::csv, kHeader, "rows"), Error);
  const FoundRows torn("file,sta", RowFormat::csv, kHeader, "rows");
  EXPECT_EQ(torn.bytes(), 0u);
}

}  // namespace
}  // namespace pc::predict
