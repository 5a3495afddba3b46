// styles.csv files as people, editors and attackers leave them: read right, or refused in one line that names the line.
#include <fmt/format.h>

#include "data/catalog.h"
#include "data/image.h"
#include "data/png.h"
#include "kernels/base/error.h"
#include "tests/description.h"
#include "tests/programs.h"

namespace pc::dataset {
namespace {

namespace fs = std::filesystem;
using namespace test;
using namespace std::string_literals;

// Twelve pictures, and a styles.csv that the test chooses.
class StylesCsv {
 public:
  explicit StylesCsv(const std::string& styles) {
    fs::create_directories(folder_ / "set/images");
    const data::Image image{.h = 4, .w = 4, .pixels = std::vector<uint8_t>(48, 100)};
    const auto png = data::encode_png(image);
    for (int id = 1; id <= 12; ++id)
      write_file_atomically(folder_ / fmt::format("set/images/{}.png", id),
                            {reinterpret_cast<const char*>(png.data()), png.size()});
    write_file_atomically(folder_ / "set/styles.csv", styles);
    write_file_atomically(
        folder_ / "run.ini",
        "[data]\nroot = set\ncache = cache\nlabels = kind\nmin_count = 1\n[model]\nweights =\nheight = 32\nwidth = 32\n"
        "[train]\nbatch = 4\nthreads = 1\n");
  }
  Outcome dry_run(const std::string& labels = "kind") const {
    return run(folder_.path(), "pctrain", {"run.ini", "--dry-run", "--set", "data.labels=" + labels});
  }
  data::DataSet open() const { return data::open_dataset(folder_ / "set", {"kind"}); }

 private:
  TemporaryFolder folder_;
};

const std::string header = "id,kind,name\n";

// Rows of ids from..to, shirts and shoes in turn.
std::string rows(int from = 1, int to = 12, const std::string& end = "\n") {
  std::string text;
  for (int id = from; id <= to; ++id) text += fmt::format("{},{},Name {}{}", id, id % 2 ? "shirt" : "shoe", id, end);
  return text;
}

struct BadCsv {
  const char* name;
  std::string text;
  std::string message;  // what pctrain prints behind its name, all of it
};
void PrintTo(const BadCsv& c, std::ostream* out) { *out << c.name; }

class HostileCsv : public testing::TestWithParam<BadCsv> {};

TEST_P(HostileCsv, IsRefusedInOneLine) {
  const Outcome o = StylesCsv(GetParam().text).dry_run();
  EXPECT_EQ(o.code, int(Exit::data));
  EXPECT_EQ(o.out, "");
  EXPECT_EQ(without_description(o.err), "pctrain: " + GetParam().message + "\n");
  if (kMemoryIsMeasurable) {
    EXPECT_LE(o.peak_kib, (64 << 10) + 2 * int64_t(GetParam().text.size() >> 10));
  }
}

BadCsv with_id(const char* name, const std::string& id, const std::string& shown, const char* why) {
  return {name, header + rows(1, 2) + id + ",shirt,x\n" + rows(3), "styles.csv:4: id \"" + shown + "\": " + why};
}

std::vector<BadCsv> bad_csvs() {
  const auto leaves = "path leaves the image folder";
  const std::string unclosed = header + rows(1, 3) + "4,shirt,\"Name\n";
  std::string many = unclosed;
  for (int i = 0; i < 40'000; ++i) many += fmt::format("{},shirt,The name of some product\n", 100 + i);
  std::string columns = "id,kind";
  for (int i = 0; i < 1'000'000; ++i) columns += fmt::format(",c{}", i);
  std::string utf16 = "\xff\xfe";
  for (const char c : header + rows()) utf16 += c + std::string(1, '\0');
  std::string mac = header + rows();
  std::replace(mac.begin(), mac.end(), '\n', '\r');
  return {
      {"lone_carriage_returns", mac,
       "styles.csv:1: a carriage return without a line feed; save the file with LF or CRLF at the ends of lines"},
      {"one_carriage_return", header + rows(1, 3) + "4,sh\rirt,x\n",
       "styles.csv:5: a carriage return without a line feed; save the file with LF or CRLF at the ends of lines"},
      {"nul", header + rows(1, 3) + "4,sh\0irt,x\n"s, "styles.csv:5: a NUL byte; is the file UTF-16 or damaged?"},
      {"nul_in_a_later_line_of_a_field", header + rows(1, 3) + "4,shirt,\"two\n\0lines\"\n"s,
       "styles.csv:6: a NUL byte; is the file UTF-16 or damaged?"},
      {"hole_of_nuls", header + rows() + std::string(4096, '\0'),
       "styles.csv:14: a NUL byte; is the file UTF-16 or damaged?"},
      {"latin1", header + rows(1, 3) + "4,shirt,caf\xe9\n", "styles.csv:5: not UTF-8; save the file as UTF-8"},
      {"latin1_header",
       "id,kind,couleur pr\xe9"
       "f\xe9r\xe9"
       "e\n" +
           rows(),
       "styles.csv:1: not UTF-8; save the file as UTF-8"},
      {"overlong", header + "1,sh\xc0\xafirt,x\n", "styles.csv:2: not UTF-8; save the file as UTF-8"},
      {"half_of_utf16", utf16 + '1', "styles.csv: damaged UTF-16; save the file as UTF-8"},
      {"utf16_without_a_mark", utf16.substr(2), "styles.csv:1: a NUL byte; is the file UTF-16 or damaged?"},
      {"unclosed_quote", unclosed, "styles.csv:5: quoted field is never closed"},
      {"unclosed_quote_of_40000_lines", many,
       "styles.csv:5: quoted field is longer than 1 MiB; is its closing quote missing?"},
      {"unclosed_quote_before_another", header + rows(1, 3) + "4,\"shirt,x\n5,shoe,\"y\"\n",
       "styles.csv:5: text after the closing quote of a field; double the quotes inside it"},
      {"text_behind_a_quote", header + "1,\"shirt\" new,x\n",
       "styles.csv:2: text after the closing quote of a field; double the quotes inside it"},
      {"huge_field", header + rows(1, 3) + "4,shirt," + std::string(std::size_t(3) << 20, 'x') + "\n",
       "styles.csv:5: field is longer than 1 MiB"},
      {"too_few_columns", header + rows(1, 3) + "4,shirt\n" + rows(5), "styles.csv:5: 2 fields, expected 3"},
      {"cut_in_a_row", header + rows(1, 3) + "4,sh", "styles.csv:5: 2 fields, expected 3"},
      {"a_million_columns", columns + "\n1,shirt\n", "styles.csv:1: more than 10000 fields"},
      {"a_million_commas", header + rows(1, 3) + std::string(1'000'000, ',') + "\n",
       "styles.csv:5: more than 10000 fields"},
      {"no_id_column", "number,kind,name\n" + rows(),
       "styles.csv: no column \"id\"; the columns are number, kind, name"},
      {"no_label_column", "id,kinds,name\n" + rows(),
       "styles.csv: no column \"kind\"; the columns are id, kinds, name; did you mean \"kinds\"?"},
      {"colons", "id:kind:name\n1:shirt:x\n", "styles.csv: no column \"id\"; the columns are id:kind:name"},
      {"no_header", rows(), "styles.csv: no column \"id\"; the columns are 1, shirt, Name 1"},
      {"column_twice", "id,kind,kind\n" + rows(), "styles.csv:1: column \"kind\" twice"},
      {"escape_in_a_column", "id,\x1b[2J\n1,x\n",
       "styles.csv: no column \"kind\"; the columns are id, \\x1b[2J; did you mean \"id\"?"},
      {"empty", "", "styles.csv: empty file"},
      {"blank_lines", "\n\r\n\n", "styles.csv: empty file"},
      {"header_only", header, "styles.csv: no rows below the header"},
      {"html", "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
       "styles.csv: not a CSV file; it looks like HTML: a web page was saved in its place; download it again"},
      {"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4306421\n",
       "styles.csv: not a CSV file; it is a Git LFS pointer; fetch the file itself with: git lfs pull"},
      {"excel", "PK\3\4" + std::string(100, '\1'), "styles.csv: not a CSV file; it looks like ZIP"},
      {"gzip", "\x1f\x8b\x08" + std::string(100, '\1'),
       "styles.csv: not a CSV file; it is packed with gzip; unpack it first"},
      {"picture", "\xff\xd8\xff\xe0" + std::string(100, '\1'), "styles.csv: not a CSV file; it looks like JPEG"},
      with_id("id_upwards", "../../etc/passwd", "../../etc/passwd", leaves),
      with_id("id_absolute", "/etc/passwd", "/etc/passwd", leaves),
      with_id("id_backslash", "..\\passwd", "..\\passwd", leaves),
      with_id("id_dot_dot", "..", "..", leaves),
      with_id("id_newline", "\"1\n2\"", "1\\x0a2", "a control character"),
      with_id("id_escape", "\x1b[2J", "\\x1b[2J", "a control character"),
      with_id("id_long", std::string(256, '1'), std::string(120, '1') + "…", "longer than any file name"),
      {"id_empty", header + rows(1, 2) + ",shirt,x\n", "styles.csv:4: empty id"},
      {"id_nul", header + rows(1, 2) + "3\0,shirt,x\n"s, "styles.csv:4: a NUL byte; is the file UTF-16 or damaged?"},
      {"no_row_has_a_picture", header + "77,shirt,x\n",
       "set: no row of styles.csv has an image: its first id is \"77\", the first image images/1.png"},
      {"one_class", header + "1,shirt,x\n2,shirt,y\n",
       "kind: only one class, \"shirt\" (2 images), nothing to learn; two classes or more are required"},
      {"no_labels", header + "1,,x\n2,,y\n", "kind: no image has a label; two classes or more are required"},
  };
}

INSTANTIATE_TEST_SUITE_P(Styles, HostileCsv, testing::ValuesIn(bad_csvs()),
                         [](const auto& param) { return std::string(param.param.name); });

struct OddCsv {
  const char* name;
  std::string text;
  int64_t items, repaired, repeated;
  std::vector<std::string> classes = {"shirt", "shoe"};
};
void PrintTo(const OddCsv& c, std::ostream* out) { *out << c.name; }

class OddButGoodCsv : public testing::TestWithParam<OddCsv> {};

TEST_P(OddButGoodCsv, IsReadAndTrainedOn) {
  const StylesCsv csv(GetParam().text);
  const data::Catalog c = csv.open().catalog;
  EXPECT_EQ(int64_t(c.items.size()), GetParam().items);
  EXPECT_EQ(c.report.repaired_rows, GetParam().repaired);
  EXPECT_EQ(c.report.duplicate_ids, GetParam().repeated);
  EXPECT_EQ(c.classes[0], GetParam().classes);
  for (std::size_t i = 0; i < c.items.size(); ++i) EXPECT_EQ(c.items[i].labels[0], int32_t((i + 1) % 2 ? 0 : 1)) << i;
  const Outcome o = csv.dry_run();
  EXPECT_EQ(o.code, 0) << o.err;
  const auto said = [&](int64_t count, const char* what) {
    const std::string line = fmt::format("data: {} row{} {}\n", count, count == 1 ? "" : "s", what);
    EXPECT_EQ(o.err.find(line) != o.err.npos, count > 0) << line << o.err;
  };
  said(GetParam().repaired, "repaired");
  said(GetParam().repeated, "with an id that came before");
}

const std::string kShirt = "\xd1\x80\xd1\x83\xd0\xb1\xd0\xb0\xd1\x88\xd0\xba\xd0\xb0", kShoe = "\xf0\x9f\x91\x9e";

std::string unicode_rows() {
  std::string text;
  for (int id = 1; id <= 12; ++id) text += fmt::format("{},{},x\n", id, id % 2 ? kShirt : kShoe);
  return text;
}

std::vector<OddCsv> odd_csvs() {
  return {
      {"byte_order_mark", "\xef\xbb\xbf" + header + rows(), 12, 0, 0},
      {"crlf", "id,kind,name\r\n" + rows(1, 12, "\r\n"), 12, 0, 0},
      {"mixed_line_ends", header + rows(1, 6, "\r\n") + rows(7), 12, 0, 0},
      {"no_newline_at_the_end", header + rows(1, 11) + "12,shoe,x", 12, 0, 0},
      {"quotes_commas_and_newlines", header + "1,shirt,\"a, \"\"b\"\"\nc\"\r\n" + rows(2), 12, 0, 0},
      {"unquoted_commas", header + "1,shirt,a,b,c\n" + rows(2), 12, 1, 0},
      {"inches", header + "1,shirt,5\" heel\n" + rows(2), 12, 0, 0},
      {"repeated_id_with_another_label", header + rows() + "1,shoe,x\n", 12, 0, 1},
      {"label_with_one_picture", header + rows(1, 11) + "12,shoe,x\n", 12, 0, 0},
      {"unicode", header + unicode_rows(), 12, 0, 0, {kShirt, kShoe}},
  };
}

INSTANTIATE_TEST_SUITE_P(Styles, OddButGoodCsv, testing::ValuesIn(odd_csvs()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(OddCsvs, RepeatedIdsAreNamed) {
  const Outcome o = StylesCsv(header + rows() + "1,shoe,x\n").dry_run();
  EXPECT_HAS(o.err, "data: styles.csv:14: id 1 repeats line 2\n");
}

TEST(OddCsvs, ColumnsToTrainOnAreAskedFor) {
  const Outcome o = StylesCsv(header + rows()).dry_run("");
  EXPECT_EQ(o.code, int(Exit::usage));
  EXPECT_EQ(o.err, "pctrain: data.labels is empty; name the columns to train on: set has id, kind, name\n");
}

TEST(OddCsvs, FolderNamesThatAreNotUtf8AreRefused) {
  const TemporaryFolder folder;
  for (const char* name : {"set/shirt/1.png", "set/caf\xe9/2.png"}) {
    fs::create_directories((folder / name).parent_path());
    write_file_atomically(folder / name, "x");
  }
  EXPECT_EQ(refusal([&] { data::open_dataset(folder / "set", {}); }),
            "class \"caf\\xe9\": the name is not UTF-8; rename it");
}

}  // namespace
}  // namespace pc::dataset
