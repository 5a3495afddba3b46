// Every layout of a data set, made small inside the test; and the shared archive's counts.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "data/catalogue.h"
#include "make.h"
#include "tests/support.h"

namespace pc {
namespace {

using test::error_of;
using test::Files;
using Strings = std::vector<std::string>;

const char* const kHeader = "id,gender,masterCategory,articleType,season,usage,productDisplayName\n";

std::string jpeg(int seed) { return test::jpeg_of(test::make_picture(8, 6, seed)); }

// Five rows: one with an unquoted comma, one with NA and an empty season, one without a picture; one picture without a
// row.
Files kaggle_files(const std::string& prefix = "") {
  return {{prefix + "styles.csv", std::string(kHeader) + "11,Men,Apparel,Shirts,Fall,Casual,Blue, checked shirt\n"
                                                         "12,Women,Footwear,Heels,,NA,Red heels\n"
                                                         "13,Men,Apparel,Jeans,Summer,Casual,Jeans\n"
                                                         "14,Men,Accessories,Belts,Summer,Casual,No picture\n"
                                                         "15,Men,Apparel,Shirts,Winter,Formal,Shirt\n"},
          {prefix + "images/11.jpg", jpeg(11)},
          {prefix + "images/12.jpg", jpeg(12)},
          {prefix + "images/13.jpg", jpeg(13)},
          {prefix + "images/15.jpg", jpeg(15)},
          {prefix + "images/99.jpg", jpeg(99)}};
}

Strings files_of(const DataSet& data) {
  Strings files;
  for (const auto& item : data.catalogue.items) files.push_back(item.file);
  return files;
}

std::vector<int32_t> labels_of(const DataSet& data, std::size_t column) {
  std::vector<int32_t> labels;
  for (const auto& item : data.catalogue.items) labels.push_back(item.labels[column]);
  return labels;
}

class KaggleLayout : public testing::TestWithParam<bool> {
 protected:
  DataSet open(const Files& files, const Strings& columns) {
    if (GetParam()) {
      test::write_zip(folder_ / "set.zip", files);
      return open_dataset(folder_ / "set.zip", columns);
    }
    test::write_tree(folder_ / "set", files);
    return open_dataset(folder_ / "set", columns);
  }
  std::string open_error(const Files& files, const Strings& columns = {}) {
    return error_of([&] { open(files, columns); });
  }
  test::TemporaryFolder folder_;
};

TEST_P(KaggleLayout, ColumnsClassesAndCounts) {
  const DataSet data = open(kaggle_files(), {"masterCategory", "season", "usage"});
  EXPECT_EQ(data.kind, "kaggle");
  EXPECT_EQ(files_of(data), (Strings{"images/11.jpg", "images/12.jpg", "images/13.jpg", "images/15.jpg"}));
  const Catalogue& c = data.catalogue;
  EXPECT_EQ(c.classes[0], (Strings{"Apparel", "Footwear"}));  // Accessories has no picture
  EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{0, 1, 0, 0}));
  EXPECT_EQ(c.classes[1], (Strings{"Fall", "Summer", "Winter"}));
  EXPECT_EQ(labels_of(data, 1), (std::vector<int32_t>{0, -1, 1, 2}));  // an empty cell is no label
  EXPECT_EQ(c.classes[2], (Strings{"Casual", "Formal", "NA"}));        // "NA" is one
  EXPECT_EQ(labels_of(data, 2), (std::vector<int32_t>{0, 2, 0, 1}));
  EXPECT_EQ(c.report.rows, 5);
  EXPECT_EQ(c.report.repaired_rows, 1);
  EXPECT_EQ(c.report.rows_without_picture, 1);
  EXPECT_EQ(c.report.pictures_without_row, 1);
  EXPECT_EQ(c.report.duplicate_ids, 0);
  EXPECT_EQ(c.report.notes, (Strings{"styles.csv:5: id 14 has no picture", "images/99.jpg: no row in styles.csv"}));
  EXPECT_TRUE(c.given.empty());
}

TEST_P(KaggleLayout, PicturesAreThoseOfTheirItems) {
  const DataSet data = open(kaggle_files(), {"masterCategory"});
  const int ids[] = {11, 12, 13, 15};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(data.pictures->image(i).pixels, decode_image(test::as_bytes(jpeg(ids[i])), "x").pixels);
  }
}

TEST_P(KaggleLayout, TheCopyUnderMyntradatasetIsIgnored) {
  Files files = kaggle_files();
  for (const auto& [name, text] : kaggle_files("myntradataset/")) files[name] = text;
  const DataSet data = open(files, {"masterCategory"});
  EXPECT_EQ(data.catalogue.items.size(), 4u);
  EXPECT_EQ(data.catalogue.report.rows, 5);
  EXPECT_EQ(data.catalogue.report.pictures_without_row, 1);
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
  EXPECT_EQ(open(files, {}).catalogue.report.pictures_without_row, 1);
}

TEST_P(KaggleLayout, FirstOfRepeatedIdsCounts) {
  Files files = kaggle_files();
  files["styles.csv"] += "11,Women,Footwear,Flats,Fall,Casual,Again\n";
  const DataSet data = open(files, {"masterCategory"});
  EXPECT_EQ(data.catalogue.items.size(), 4u);
  EXPECT_EQ(data.catalogue.report.duplicate_ids, 1);
  EXPECT_EQ(data.catalogue.classes[0][std::size_t(data.catalogue.items[0].labels[0])], "Apparel");
  EXPECT_EQ(data.catalogue.report.notes[1], "styles.csv:7: id 11 repeats line 2");
}

TEST_P(KaggleLayout, UnknownColumn) {
  EXPECT_EQ(
      open_error(kaggle_files(), {"mastercategory"}),
      "3: styles.csv: no column \"mastercategory\"; the columns are id, gender, masterCategory, articleType, season, "
      "usage, productDisplayName; did you mean \"masterCategory\"?");
  EXPECT_EQ(open_error(kaggle_files(), {"usage", "usage"}), "2: column \"usage\" is asked for twice");
}

TEST_P(KaggleLayout, IdsThatLeaveTheFolderAreRefused) {
  for (const std::string& id : Strings{"../../etc/passwd", "/etc/passwd", "..", "a\\b", std::string("1\0", 2)}) {
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
  EXPECT_NE(open_error({{"styles.csv", kHeader}}).find("no pictures in images/ beside styles.csv"), std::string::npos);
  EXPECT_NE(open_error({{"styles.csv", kHeader}, {"images/1.jpg", "x"}}).find("no row of styles.csv has a picture"),
            std::string::npos);
}

TEST_P(KaggleLayout, FingerprintFollowsThePictures) {
  const uint64_t before = open(kaggle_files(), {"gender"}).pictures->fingerprint();
  EXPECT_EQ(open(kaggle_files(), {"usage"}).pictures->fingerprint() == before,
            GetParam());  // a folder was written anew
  Files files = kaggle_files();
  files["images/12.jpg"] = jpeg(77);
  EXPECT_NE(open(files, {"gender"}).pictures->fingerprint(), before);
}

INSTANTIATE_TEST_SUITE_P(FolderAndZip, KaggleLayout, testing::Bool(),
                         [](const auto& param) { return param.param ? "Zip" : "Folder"; });

TEST(Dataset, FolderPerClass) {
  test::TemporaryFolder folder;
  const Files files = {{"shoe/b.jpg", jpeg(1)}, {"shoe/a.png", jpeg(2)}, {"hat/1.JPG", jpeg(3)},
                       {"stray.jpg", jpeg(4)},  {"hat/notes.txt", "x"},  {".DS_Store", "x"}};
  test::write_tree(folder / "set", files);
  test::write_zip(folder / "set.zip", files);
  for (const char* name : {"set", "set.zip"}) {
    const DataSet data = open_dataset(folder / name, {});
    EXPECT_EQ(data.kind, "folders");
    EXPECT_EQ(data.catalogue.columns, Strings{"label"});
    EXPECT_EQ(data.catalogue.classes[0], (Strings{"hat", "shoe"}));
    EXPECT_EQ(files_of(data), (Strings{"hat/1.JPG", "shoe/a.png", "shoe/b.jpg"}));
    EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{0, 1, 1}));
    EXPECT_EQ(data.catalogue.report.pictures_without_row, 1);
    EXPECT_EQ(data.pictures->image(1).pixels, decode_image(test::as_bytes(jpeg(2)), "x").pixels);
    EXPECT_NE(
        error_of([&] { open_dataset(folder / name, {"season"}); }).find("no column \"season\"; the columns are label"),
        std::string::npos);
  }
}

TEST(Dataset, FolderPerClassBelowOneCommonFolder) {
  test::TemporaryFolder folder;
  test::write_tree(folder / "set", {{"clothes/shoe/b.jpg", jpeg(1)}, {"clothes/hat/a.jpg", jpeg(2)}});
  EXPECT_EQ(open_dataset(folder / "set", {"label"}).catalogue.classes[0], (Strings{"hat", "shoe"}));
  // A single class is a class, not a common folder.
  test::write_tree(folder / "one", {{"shoe/b.jpg", jpeg(1)}});
  EXPECT_EQ(open_dataset(folder / "one", {}).catalogue.classes[0], Strings{"shoe"});
}

TEST(Dataset, TrainValTestFoldersAreTheSplit) {
  test::TemporaryFolder folder;
  test::write_tree(folder / "set", {{"train/hat/1.jpg", jpeg(1)},
                                    {"train/shoe/2.jpg", jpeg(2)},
                                    {"val/hat/3.jpg", jpeg(3)},
                                    {"test/shoe/4.jpg", jpeg(4)}});
  const DataSet data = open_dataset(folder / "set", {});
  EXPECT_EQ(data.catalogue.classes[0], (Strings{"hat", "shoe"}));
  EXPECT_EQ(files_of(data), (Strings{"test/shoe/4.jpg", "train/hat/1.jpg", "train/shoe/2.jpg", "val/hat/3.jpg"}));
  EXPECT_EQ(data.catalogue.given, (std::vector<Split>{Split::test, Split::train, Split::train, Split::val}));
}

std::string idx(uint8_t rank, const std::vector<uint8_t>& sizes, const std::string& bytes) {
  std::string text{0, 0, 8, char(rank)};
  for (const uint8_t s : sizes) text += std::string{0, 0, 0, char(s)};
  return text + bytes;
}

Files idx_files() {
  return {{"train-images-idx3-ubyte.gz", test::gzip(idx(3, {3, 2, 2}, "aaaabbbbabcd"))},
          {"train-labels-idx1-ubyte.gz", test::gzip(idx(1, {3}, std::string("\1\0\2", 3)))},
          {"t10k-images-idx3-ubyte", idx(3, {1, 2, 2}, "wxyz")},
          {"t10k-labels-idx1-ubyte", idx(1, {1}, "\2")}};
}

TEST(Dataset, Idx) {
  test::TemporaryFolder folder;
  test::write_tree(folder / "set", idx_files());
  const DataSet data = open_dataset(folder / "set", {"label"});
  EXPECT_EQ(data.kind, "idx");
  EXPECT_EQ(files_of(data), (Strings{"train/0", "train/1", "train/2", "t10k/0"}));
  EXPECT_EQ(data.catalogue.classes[0], (Strings{"0", "1", "2"}));
  EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{1, 0, 2, 2}));
  EXPECT_EQ(data.catalogue.given, (std::vector<Split>{Split::train, Split::train, Split::train, Split::test}));
  const Image image = data.pictures->image(3);
  EXPECT_EQ(image.h, 2);
  EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.end()), "wwwxxxyyyzzz");
}

TEST(Dataset, BrokenIdx) {
  test::TemporaryFolder folder;
  const auto error_with = [&](const std::string& name, const std::string& text) {
    Files files = idx_files();
    files[name] = text;
    const auto root = folder / "set";
    std::filesystem::remove_all(root);
    test::write_tree(root, files);
    std::string error = error_of([&] { open_dataset(root, {}); });
    for (auto at = error.find(root.string()); at != std::string::npos; at = error.find(root.string())) {
      error.erase(at, root.string().size() + 1);
    }
    return error;
  };
  EXPECT_EQ(error_with("t10k-labels-idx1-ubyte", idx(1, {2}, "\1\2")),
            "3: t10k-labels-idx1-ubyte: 2 labels for 1 pictures");
  EXPECT_EQ(error_with("t10k-images-idx3-ubyte", idx(3, {1, 2, 2}, "wxy")),
            "3: t10k-images-idx3-ubyte: 3 bytes of data, its header says 4");
  EXPECT_EQ(error_with("t10k-images-idx3-ubyte", "hello"),
            "3: t10k-images-idx3-ubyte: not an IDX file of u8 with 3 dimensions");
  const std::string packed = idx_files()["train-images-idx3-ubyte.gz"];
  EXPECT_NE(error_with("train-images-idx3-ubyte.gz", packed.substr(0, packed.size() - 12)), "nothing");
  std::filesystem::remove(folder / "set/t10k-labels-idx1-ubyte");
  EXPECT_NE(error_of([&] { open_dataset(folder / "set", {}); }).find("is missing"), std::string::npos);
}

TEST(Dataset, RootsThatAreNoDataSet) {
  test::TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { open_dataset(folder / "none", {}); }),
            "4: cannot open " + (folder / "none").string() + ": No such file or directory");
  test::write(folder / "text.zip", "not a zip");
  EXPECT_EQ(error_of([&] { open_dataset(folder / "text.zip", {}); }),
            "3: text.zip: neither a folder nor a zip archive");
  std::filesystem::create_directories(folder / "empty");
  EXPECT_NE(error_of([&] { open_dataset(folder / "empty", {}); }).find("no data set found"), std::string::npos);
}

TEST(Dataset, DamagedZips) {
  test::TemporaryFolder folder;
  test::write_zip(folder / "set.zip", kaggle_files());
  std::string zip;
  {
    std::FILE* f = std::fopen((folder / "set.zip").c_str(), "rb");
    zip.resize(std::filesystem::file_size(folder / "set.zip"));
    ASSERT_EQ(std::fread(zip.data(), 1, zip.size(), f), zip.size());
    std::fclose(f);
  }
  test::write(folder / "cut.zip", zip.substr(0, zip.size() / 2));
  const std::string error = error_of([&] { open_dataset(folder / "cut.zip", {}); });
  EXPECT_TRUE(error.starts_with("3: cut.zip: the zip archive is cut off or damaged")) << error;
  // A flipped byte inside a stored picture is found by its CRC, and only that picture fails.
  zip[zip.find(jpeg(12)) + 100] = char(zip[zip.find(jpeg(12)) + 100] ^ 1);
  test::write(folder / "flipped.zip", zip);
  const DataSet data = open_dataset(folder / "flipped.zip", {});
  EXPECT_EQ(error_of([&] { data.pictures->image(1); }),
            "3: flipped.zip: images/12.jpg: damaged in the archive (CRC error)");
  EXPECT_EQ(error_of([&] { data.pictures->image(0); }), "nothing");
}

TEST(Dataset, ThreadsReadOneZip) {
  test::TemporaryFolder folder;
  Files files = kaggle_files();
  test::write_zip(folder / "set.zip", files);
  const DataSet data = open_dataset(folder / "set.zip", {});
  std::vector<Image> expected;
  for (std::size_t i = 0; i < 4; ++i) expected.push_back(data.pictures->image(i));
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 200; ++i)
        wrong[t] += data.pictures->image((i + t) % 4).pixels != expected[(i + t) % 4].pixels;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(Dataset, SharedArchive) {
  PC_NEEDS_SHARED("datasets/fashion-product-images-small.zip");
  const DataSet data = open_dataset(test::shared_file("datasets/fashion-product-images-small.zip"),
                                    {"masterCategory", "subCategory", "articleType", "baseColour", "season", "usage"});
  const Catalogue& c = data.catalogue;
  EXPECT_EQ(c.report.rows, 40052);
  EXPECT_EQ(c.items.size(), 40047u);
  EXPECT_EQ(c.report.repaired_rows, 18);
  EXPECT_EQ(c.report.rows_without_picture, 5);
  EXPECT_EQ(c.report.pictures_without_row, 0);
  EXPECT_EQ(c.report.duplicate_ids, 0);
  EXPECT_EQ(c.classes[0].size(), 7u);
  EXPECT_TRUE(std::binary_search(c.classes[3].begin(), c.classes[3].end(), "NA"));
  EXPECT_TRUE(std::binary_search(c.classes[5].begin(), c.classes[5].end(), "NA"));
  EXPECT_EQ(c.classes[4].size(), 4u);
  const auto no_season = std::count_if(c.items.begin(), c.items.end(), [](const auto& i) { return i.labels[4] < 0; });
  EXPECT_GT(no_season, 0);
  const Image image = data.pictures->image(0);
  EXPECT_EQ(std::pair(image.h, image.w), std::pair(80, 60));
}

TEST(Dataset, SharedPicturesAsPublishedDecodeToo) {
  PC_NEEDS_SHARED("datasets/raw-jpegs-400.zip");
  const DataSet data = open_dataset(test::shared_file("datasets/raw-jpegs-400.zip"), {});
  EXPECT_EQ(data.catalogue.items.size(), 400u);
  for (std::size_t i = 0; i < 400; ++i) ASSERT_EQ(error_of([&] { data.pictures->image(i); }), "nothing");
}

TEST(Dataset, FashionMnistOfDebian) {
  const std::filesystem::path root = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "Debian's dataset-fashion-mnist is not installed";
  const DataSet data = open_dataset(root, {});
  EXPECT_EQ(data.catalogue.items.size(), 70000u);
  EXPECT_EQ(std::count(data.catalogue.given.begin(), data.catalogue.given.end(), Split::test), 10000);
  EXPECT_EQ(data.catalogue.classes[0].size(), 10u);
  EXPECT_EQ(data.catalogue.classes[0][std::size_t(data.catalogue.items[0].labels[0])], "Ankle boot");
}

}  // namespace
}  // namespace pc
