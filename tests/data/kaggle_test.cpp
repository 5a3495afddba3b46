// The Kaggle layout as a folder and as a zip: columns, counts, copies, junk and hostile ids.
#include "data/catalog.h"
#include "data/decode.h"
#include "small_set.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using namespace test;

class KaggleLayout : public testing::TestWithParam<bool> {
 protected:
  DataSet open(const Files& files, const Strings& columns) {
    if (GetParam()) {
      write_zip(folder_ / "set.zip", files);
      return open_dataset(folder_ / "set.zip", columns);
    }
    write_tree(folder_ / "set", files);
    return open_dataset(folder_ / "set", columns);
  }
  std::string open_error(const Files& files, const Strings& columns = {}) {
    return error_of([&] { open(files, columns); });
  }
  TemporaryFolder folder_;
};

TEST_P(KaggleLayout, ColumnsClassesAndCounts) {
  const DataSet data = open(kaggle_files(), {"masterCategory", "season", "usage"});
  EXPECT_EQ(data.kind, "kaggle");
  EXPECT_EQ(files_of(data), (Strings{"images/11.jpg", "images/12.jpg", "images/13.jpg", "images/15.jpg"}));
  const Catalog& c = data.catalog;
  EXPECT_EQ(c.classes[0], (Strings{"Apparel", "Footwear"}));  // Accessories has no picture
  EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{0, 1, 0, 0}));
  EXPECT_EQ(c.classes[1], (Strings{"Fall", "Summer", "Winter"}));
  EXPECT_EQ(labels_of(data, 1), (std::vector<int32_t>{0, -1, 1, 2}));  // an empty cell is no label
  EXPECT_EQ(c.classes[2], (Strings{"Casual", "Formal", "NA"}));        // "NA" is one
  EXPECT_EQ(labels_of(data, 2), (std::vector<int32_t>{0, 2, 0, 1}));
  EXPECT_EQ(c.report.rows, 5);
  EXPECT_EQ(c.report.repaired_rows, 1);
  EXPECT_EQ(c.report.rows_without_image, 1);
  EXPECT_EQ(c.report.images_without_row, 1);
  EXPECT_EQ(c.report.duplicate_ids, 0);
  EXPECT_EQ(c.report.notes, (Strings{"styles.csv:5: id 14 has no image", "images/99.jpg: no row in styles.csv"}));
  EXPECT_TRUE(c.given.empty());
}

TEST_P(KaggleLayout, PicturesAreThoseOfTheirItems) {
  const DataSet data = open(kaggle_files(), {"masterCategory"});
  const int ids[] = {11, 12, 13, 15};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(data.images->image(i).pixels, decode_image(as_bytes(jpeg(ids[i])), "x").pixels);
  }
}

TEST_P(KaggleLayout, TheCopyUnderMyntradatasetIsIgnored) {
  Files files = kaggle_files();
  for (const auto& [name, text] : kaggle_files("myntradataset/")) files[name] = text;
  const DataSet data = open(files, {"masterCategory"});
  EXPECT_EQ(data.catalog.items.size(), 4u);
  EXPECT_EQ(data.catalog.report.rows, 5);
  EXPECT_EQ(data.catalog.report.images_without_row, 1);
  EXPECT_EQ(files_of(data)[0], "images/11.jpg");
}

TEST_P(KaggleLayout, NestedOneFolderDeep) {
  Files files = kaggle_files("a-set/");
  for (const auto& [name, text] : kaggle_files("a-set/myntradataset/")) files[name] = text;
  EXPECT_EQ(files_of(open(files, {}))[0], "a-set/images/11.jpg");
}

TEST_P(KaggleLayout, OnlyTheCopyIsThere) {
  EXPECT_EQ(files_of(open(kaggle_files("myntradataset/"), {}))[0], "myntradataset/images/11.jpg");
}

TEST_P(KaggleLayout, JunkIsNoData) {
  Files files = kaggle_files();
  files["__MACOSX/styles.csv"] = files["__MACOSX/images/._11.jpg"] = "junk";
  files["images/.DS_Store"] = files["images/Thumbs.db"] = files["images/._12.jpg"] = "junk";
  EXPECT_EQ(open(files, {}).catalog.report.images_without_row, 1);
}

TEST_P(KaggleLayout, FirstOfRepeatedIdsCounts) {
  Files files = kaggle_files();
  files["styles.csv"] += "11,Women,Footwear,Flats,Fall,Casual,Again\n";
  const DataSet data = open(files, {"masterCategory"});
  EXPECT_EQ(data.catalog.items.size(), 4u);
  EXPECT_EQ(data.catalog.report.duplicate_ids, 1);
  EXPECT_EQ(data.catalog.classes[0][std::size_t(data.catalog.items[0].labels[0])], "Apparel");
  EXPECT_EQ(data.catalog.report.notes[1], "styles.csv:7: id 11 repeats line 2");
}

TEST_P(KaggleLayout, UnknownColumn) {
  EXPECT_EQ(
      open_error(kaggle_files(), {"masterCategories"}),
      "3: styles.csv: no column \"masterCategories\"; the columns are id, gender, masterCategory, articleType, season, "
      "usage, productDisplayName; did you mean \"masterCategory\"?");
  EXPECT_EQ(open(kaggle_files(), {" mastercategory"}).catalog.columns, Strings{"masterCategory"});
  EXPECT_EQ(open_error(kaggle_files(), {"usage", "usage"}), "2: column \"usage\" is asked for twice");
}

TEST_P(KaggleLayout, IdsThatLeaveTheFolderAreRefused) {
  for (const std::string& id : Strings{"../../etc/passwd", "/etc/passwd", "..", "a\\b"}) {
    Files files = kaggle_files();
    files["styles.csv"] = kHeader + id + ",Men,Apparel,Shirts,Fall,Casual,x\n";
    const std::string error = open_error(files);
    EXPECT_TRUE(error.starts_with("3: styles.csv:2: id \"")) << error;
    EXPECT_TRUE(error.ends_with("path leaves the image folder")) << error;
  }
}

TEST_P(KaggleLayout, ShortRowNamesFileAndLine) {
  Files files = kaggle_files();
  files["styles.csv"] += "16,Men,Apparel\n";
  EXPECT_EQ(open_error(files), "3: styles.csv:7: 3 fields, expected 7");
}

TEST_P(KaggleLayout, NoPictures) {
  EXPECT_HAS(open_error({{"styles.csv", kHeader}}), "no images in images/ beside styles.csv");
  EXPECT_EQ(open_error({{"styles.csv", kHeader}, {"images/1.jpg", "x"}}), "3: styles.csv: no rows below the header");
  const std::string row = "2,Men,Apparel,Shirts,Fall,Casual,x\n";
  EXPECT_HAS(open_error({{"styles.csv", kHeader + row}, {"images/1.jpg", "x"}}), "no row of styles.csv has an image");
}

TEST_P(KaggleLayout, FingerprintFollowsThePictures) {
  const uint64_t before = open(kaggle_files(), {"gender"}).images->fingerprint();
  EXPECT_EQ(open(kaggle_files(), {"usage"}).images->fingerprint() == before,
            GetParam());  // a folder was written anew
  Files files = kaggle_files();
  files["images/12.jpg"] = jpeg(77);
  EXPECT_NE(open(files, {"gender"}).images->fingerprint(), before);
}

INSTANTIATE_TEST_SUITE_P(FolderAndZip, KaggleLayout, testing::Bool(),
                         [](const auto& param) { return param.param ? "Zip" : "Folder"; });

}  // namespace
}  // namespace pc::data
