// Tables of labels as spreadsheets and pandas save them, under the names that people give them; and those that are not
// read.
#include "data/table_files.h"

#include "data/split.h"
#include "small_set.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using namespace test;

const std::string kRows =
    "id,masterCategory,productDisplayName\n1163,Apparel,Shirt\n2001,Footwear,\"Shoe, red\"\n0042,Apparel,Cap\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

std::string utf16(const std::string& ascii, bool little) {
  std::string text = little ? "\xff\xfe" : "\xfe\xff";
  for (const char c : ascii) text += little ? std::string{c, '\0'} : std::string{'\0', c};
  return text;
}

class Tables : public testing::Test {
 protected:
  std::filesystem::path root(const Files& tables, const std::string& images = "images/") {
    Files files = tables;
    for (const char* id : {"1163", "2001", "0042"}) files[images + id + ".jpg"] = jpeg(int(files.size()));
    std::filesystem::remove_all(folder_ / "set");
    write_tree(folder_ / "set", files);
    return folder_ / "set";
  }
  DataSet open(const Files& tables, const std::string& images = "images/") {
    return open_dataset(root(tables, images), {"masterCategory"});
  }
  std::string refused(const Files& tables) {
    const std::string where = root(tables).string();
    std::string error = error_of([&] { open_dataset(where, {}); });
    if (const auto at = error.find(where); at != error.npos) error.replace(at, where.size(), "SET");
    return error;
  }
  TemporaryFolder folder_;
};

void expect_all(const DataSet& data, const std::string& images = "images/") {
  EXPECT_EQ(data.kind, "kaggle");
  EXPECT_EQ(files_of(data), (Strings{images + "1163.jpg", images + "2001.jpg", images + "0042.jpg"}));
  EXPECT_EQ(data.catalog.classes, (std::vector<Strings>{{"Apparel", "Footwear"}}));
  EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(data.catalog.names, (Strings{"Shirt", "Shoe, red", "Cap"}));
  EXPECT_EQ(data.catalog.report.repaired_rows, 0);
  EXPECT_EQ(data.catalog.report.rows_without_image, 0);
  EXPECT_EQ(data.catalog.report.images_without_row, 0);
}

TEST_F(Tables, OfSpreadsheetsAndPandas) {
  const std::string semicolons = replaced(replaced(kRows, ",", ";"), "Shoe; red", "Shoe, red"),
                    tabs = replaced(replaced(kRows, ",", "\t"), "Shoe\t red", "Shoe, red"),
                    pipes = replaced(replaced(kRows, ",", "|"), "Shoe| red", "Shoe, red");
  const std::pair<const char*, std::string> cases[] = {
      {"as it is", kRows},
      {"empty columns at the end", replaced(kRows, "\n", ",,\n")},
      {"empty columns at the end of some rows", replaced(kRows, "productDisplayName\n", "productDisplayName,,,\n")},
      {"an empty row at the end", kRows + ",,\n,,\n"},
      {"semicolons", semicolons},
      {"semicolons and CRLF", replaced(semicolons, "\n", "\r\n")},
      {"sep=", "sep=;\r\n" + semicolons},
      {"tabs", tabs},
      {"pipes", pipes},
      {"a byte order mark", "\xef\xbb\xbf" + kRows},
      {"Unicode text of Excel", utf16(replaced(tabs, "\n", "\r\n"), true)},
      {"UTF-16, big endian", utf16(kRows, false)},
      {"ID in capitals", replaced(kRows, "id,", "ID,")},
      {"blanks around columns", replaced(kRows, "id,masterCategory", " Id , MasterCategory ")},
      {"the index of pandas",
       replaced(replaced(replaced(replaced(kRows, "id,", ",id,"), "1163", "0,1163"), "2001", "1,2001"), "0042",
                "2,0042")},
      {"numbers with a fraction", replaced(replaced(kRows, "1163", "1163.0"), "2001", "2001.0")},
      {"a decimal comma", replaced(semicolons, "1163", "1163,00")},
      {"zeros lost in front", replaced(kRows, "0042", "42")},
      {"names of files", replaced(replaced(kRows, "1163", "1163.jpg"), "2001", "2001.JPG")},
      {"paths of files", replaced(replaced(kRows, "1163", "images/1163.jpg"), "2001", "images/2001")},
      {"blanks around ids", replaced(kRows, "1163", " 1163 ")},
  };
  for (const auto& [name, text] : cases) {
    SCOPED_TRACE(name);
    expect_all(open({{"styles.csv", text}}));
  }
}

TEST_F(Tables, IdsThatAreAdaptedAreNamed) {
  const DataSet data = open({{"styles.csv", replaced(kRows, "1163", "1163.0")}});
  EXPECT_EQ(data.catalog.report.warnings,
            Strings{"styles.csv: 1 of 3 ids are not written like the names of their images: "
                    "\"1163.0\" is taken as images/1163.jpg"});
  const DataSet twice = open({{"styles.csv", kRows + "1163.0,Footwear,Again\n"}});
  EXPECT_EQ(twice.catalog.items.size(), 3u);
  EXPECT_EQ(twice.catalog.report.duplicate_ids, 1);
}

TEST_F(Tables, AnIdThatCouldBeTwoImagesIsNone) {
  const auto where = root({{"styles.csv", replaced(kRows, "0042", "042")}});
  write_text(where / "images/42.jpg", jpeg(9));
  const DataSet data = open_dataset(where, {});
  EXPECT_EQ(data.catalog.items.size(), 2u);
  EXPECT_EQ(data.catalog.report.rows_without_image, 1);
}

TEST_F(Tables, UnderOtherNames) {
  for (const char* name : {"Styles.csv", "STYLES.CSV", "labels.csv", "styles (1).csv", "products.tsv"}) {
    SCOPED_TRACE(name);
    const DataSet data = open({{name, kRows}});
    expect_all(data);
    EXPECT_HAS(data.layout, name);
  }
  expect_all(open({{"set/labels.csv", kRows}}, "set/images/"), "set/images/");
  expect_all(open({{"Styles.csv", kRows}}, "Images/"), "Images/");
  EXPECT_EQ(
      refused({{"a.csv", kRows}, {"b.csv", kRows}}),
      "3: SET: a.csv, b.csv all have a column \"id\" and lie beside images/; name the one with the labels styles.csv");
}

TEST_F(Tables, ThatAreNotReadAreNamed) {
  const std::string used = "labels are read from styles.csv alone (a split.csv goes to data.split_file)",
                    none = "labels are read from styles.csv with a column id, next to images/ID.jpg";
  const auto warnings = [&](const Files& files) { return open_dataset(root(files), {}).catalog.report.warnings; };
  EXPECT_EQ(warnings({{"styles.csv", kRows}, {"images.csv", "filename,link\n"}}),
            Strings{"images.csv is not used; " + used});
  for (const char* name : {"labels.json", "labels.JSONL", "labels.xlsx", "labels.parquet", "images/labels.tsv"})
    EXPECT_EQ(warnings({{name, "x"}}), Strings{std::string(name) + " is not used; " + none});
  EXPECT_EQ(warnings({{"labels.csv", "image,class\n1163.jpg,Apparel\n"}}), Strings{"labels.csv is not used; " + none});
  Files sidecars;
  for (int i = 0; i < 9; ++i) sidecars["meta/" + std::to_string(i) + ".json"] = "{}";
  EXPECT_EQ(warnings(sidecars), Strings{"meta/0.json, meta/1.json, meta/2.json and 6 more are not used; " + none});
  EXPECT_EQ(warnings({{"shoe/1.jpg", jpeg(1)}, {"shoe/labels.csv", "id,a\n1,b\n"}}),
            Strings{"shoe/labels.csv is not used; " + none});
}

TEST_F(Tables, ThatAreNotReadAreNamedWhereNothingCanBeLearned) {
  const std::string way_out =
      "labels.csv is not read; move the images into a folder per class, or give their labels in a styles.csv with a "
      "column id, next to "
      "images/ID.jpg";
  const std::string table = "image,class\n1163.jpg,Apparel\n";
  DataSet data = open_dataset(root({{"labels.csv", table}}), {});
  EXPECT_HAS(test::error_of([&] { check_classes(data.catalog); }), "nothing to learn; " + way_out);
  const auto flat = root({{"labels.csv", table}}, "");
  EXPECT_HAS(test::error_of([&] { open_dataset(flat, {}); }),
             "images lie in no folder, labels.csv is not read: move the images");
}

TEST_F(Tables, CellsOfBlanksAreNoLabels) {
  for (const std::string blank : {"", " ", "\t", "\xc2\xa0"}) {
    const DataSet data = open({{"styles.csv", replaced(kRows, "Footwear", blank)}});
    EXPECT_EQ(data.catalog.classes[0], Strings{"Apparel"});
    EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{0, -1, 0}));
  }
}

TEST_F(Tables, OfOtherFormsAreRefusedWithWhatIsThere) {
  EXPECT_EQ(refused({{"styles.csv", replaced(kRows, "id,", "sku,")}}),
            "3: styles.csv: no column \"id\"; the columns are sku, masterCategory, productDisplayName");
  EXPECT_EQ(refused({{"styles.csv", "id,kind\n1.16E+03,x\n"}}),
            "3: SET: no row of styles.csv has an image: its first id is \"1.16E+03\", the first image images/0042.jpg");
  EXPECT_EQ(refused({{"styles.csv", "\xff\xfei"}}), "3: styles.csv: damaged UTF-16; save the file as UTF-8");
}

}  // namespace
}  // namespace pc::data
