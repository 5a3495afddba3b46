// Folder trees, IDX, damaged roots, and the shared archive's counts.
#include <algorithm>
#include <cstdlib>
#include <thread>

#include "data/catalog.h"
#include "data/decode.h"
#include "kernels/base/file.h"
#include "small_set.h"
#include "tests/support.h"

namespace pc::data {
namespace {

using namespace test;

TEST(Dataset, FolderPerClass) {
  TemporaryFolder folder;
  const Files files = {{"shoe/b.jpg", jpeg(1)}, {"shoe/a.png", jpeg(2)}, {"hat/1.JPG", jpeg(3)},
                       {"stray.jpg", jpeg(4)},  {"hat/notes.txt", "x"},  {".DS_Store", "x"}};
  write_tree(folder / "set", files);
  write_zip(folder / "set.zip", files);
  for (const char* name : {"set", "set.zip"}) {
    const DataSet data = open_dataset(folder / name, {});
    EXPECT_EQ(data.kind, "folders");
    EXPECT_EQ(data.catalog.columns, Strings{"label"});
    EXPECT_EQ(data.catalog.classes[0], (Strings{"hat", "shoe"}));
    EXPECT_EQ(files_of(data), (Strings{"hat/1.JPG", "shoe/a.png", "shoe/b.jpg"}));
    EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{0, 1, 1}));
    EXPECT_EQ(data.catalog.report.images_without_row, 1);
    EXPECT_EQ(data.images->image(1).pixels, decode_image(as_bytes(jpeg(2)), "x").pixels);
    EXPECT_HAS(error_of([&] { open_dataset(folder / name, {"season"}); }),
               "no column \"season\"; the columns are label");
  }
}

TEST(Dataset, FolderPerClassBelowOneCommonFolder) {
  TemporaryFolder folder;
  write_tree(folder / "set", {{"clothes/shoe/b.jpg", jpeg(1)}, {"clothes/hat/a.jpg", jpeg(2)}});
  EXPECT_EQ(open_dataset(folder / "set", {"label"}).catalog.classes[0], (Strings{"hat", "shoe"}));
  // A single class is a class, not a common folder.
  write_tree(folder / "one", {{"shoe/b.jpg", jpeg(1)}});
  EXPECT_EQ(open_dataset(folder / "one", {}).catalog.classes[0], Strings{"shoe"});
}

TEST(Dataset, TrainValTestFoldersAreTheSplit) {
  TemporaryFolder folder;
  write_tree(folder / "set", {{"train/hat/1.jpg", jpeg(1)},
                              {"train/shoe/2.jpg", jpeg(2)},
                              {"val/hat/3.jpg", jpeg(3)},
                              {"test/shoe/4.jpg", jpeg(4)}});
  const DataSet data = open_dataset(folder / "set", {});
  EXPECT_EQ(data.catalog.classes[0], (Strings{"hat", "shoe"}));
  EXPECT_EQ(files_of(data), (Strings{"test/shoe/4.jpg", "train/hat/1.jpg", "train/shoe/2.jpg", "val/hat/3.jpg"}));
  EXPECT_EQ(data.catalog.given, (std::vector<Split>{Split::test, Split::train, Split::train, Split::val}));
}

std::string idx(uint8_t rank, const std::vector<uint8_t>& sizes, const std::string& bytes) {
  std::string text{0, 0, 8, char(rank)};
  for (const uint8_t s : sizes) text += std::string{0, 0, 0, char(s)};
  return text + bytes;
}

Files idx_files() {
  return {{"train-images-idx3-ubyte.gz", gzip(idx(3, {3, 2, 2}, "aaaabbbbabcd"))},
          {"train-labels-idx1-ubyte.gz", gzip(idx(1, {3}, std::string("\1\0\2", 3)))},
          {"t10k-images-idx3-ubyte", idx(3, {1, 2, 2}, "wxyz")},
          {"t10k-labels-idx1-ubyte", idx(1, {1}, "\2")}};
}

TEST(Dataset, Idx) {
  TemporaryFolder folder;
  write_tree(folder / "set", idx_files());
  const DataSet data = open_dataset(folder / "set", {"label"});
  EXPECT_EQ(data.kind, "idx");
  EXPECT_EQ(files_of(data), (Strings{"train/0", "train/1", "train/2", "t10k/0"}));
  EXPECT_EQ(data.catalog.classes[0], (Strings{"0", "1", "2"}));
  EXPECT_EQ(labels_of(data, 0), (std::vector<int32_t>{1, 0, 2, 2}));
  EXPECT_EQ(data.catalog.given, (std::vector<Split>{Split::train, Split::train, Split::train, Split::test}));
  const Image image = data.images->image(3);
  EXPECT_EQ(image.h, 2);
  EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.end()), "wwwxxxyyyzzz");
  EXPECT_EQ(
      error_of([&] { data.images->image(3, {.max_pixels = 3}); }),
      "6: " + (folder / "set/t10k-images-idx3-ubyte").string() + ": image 0: 2x2 exceeds the limit of 3e-06 Mpixel");
}

TEST(Dataset, BrokenIdx) {
  TemporaryFolder folder;
  const auto error_with = [&](const std::string& name, const std::string& text) {
    Files files = idx_files();
    files[name] = text;
    const auto root = folder / "set";
    std::filesystem::remove_all(root);
    write_tree(root, files);
    std::string error = error_of([&] { open_dataset(root, {}); });
    for (auto at = error.find(root.string()); at != std::string::npos; at = error.find(root.string())) {
      error.erase(at, root.string().size() + 1);
    }
    return error;
  };
  EXPECT_EQ(error_with("t10k-labels-idx1-ubyte", idx(1, {2}, "\1\2")),
            "3: t10k-labels-idx1-ubyte: 2 labels for 1 images");
  EXPECT_EQ(error_with("t10k-images-idx3-ubyte", idx(3, {1, 2, 2}, "wxy")),
            "3: t10k-images-idx3-ubyte: 3 bytes of data, its header says 4");
  EXPECT_EQ(error_with("t10k-images-idx3-ubyte", "hello"),
            "3: t10k-images-idx3-ubyte: not an IDX file of u8 with 3 dimensions");
  const std::string claims{0, 0, 8, 1, 0, char(0x98), char(0x96), char(0x81)};  // 10,000,001 labels
  EXPECT_EQ(error_with("t10k-labels-idx1-ubyte", gzip(claims + std::string(10'000'001, '\0'))),
            "6: t10k-labels-idx1-ubyte: more than 10000000 images");
  const std::string packed = idx_files()["train-images-idx3-ubyte.gz"];
  EXPECT_NE(error_with("train-images-idx3-ubyte.gz", packed.substr(0, packed.size() - 12)), "nothing");
  write_tree(folder / "set", idx_files());
  std::filesystem::remove(folder / "set/t10k-labels-idx1-ubyte");
  EXPECT_HAS(error_of([&] { open_dataset(folder / "set", {}); }), "is missing");
}

// pcdata fetch puts a set into the cache folder; its name alone is enough then.
TEST(Dataset, ARootThatIsNotHereIsLookedUpInTheCache) {
  TemporaryFolder folder;
  const std::string old = std::getenv("XDG_CACHE_HOME") ? std::getenv("XDG_CACHE_HOME") : "";
  ::setenv("XDG_CACHE_HOME", folder.path().c_str(), 1);
  write_tree(folder / "pc/fetched-set-of-this-test", idx_files());
  EXPECT_EQ(open_dataset("fetched-set-of-this-test", {}).kind, "idx");
  EXPECT_EQ(error_of([] { open_dataset("no-such-set", {}); }),
            "4: no-such-set: no such data set, neither in " + std::filesystem::current_path().string() + " nor in " +
                (folder / "pc").string() + ", where pcdata fetch puts them");
  old.empty() ? ::unsetenv("XDG_CACHE_HOME") : ::setenv("XDG_CACHE_HOME", old.c_str(), 1);
}

TEST(Dataset, RootsThatAreNoDataSet) {
  TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { open_dataset(folder / "none", {}); }),
            "4: cannot open " + (folder / "none").string() + ": No such file or directory");
  write_text(folder / "text.zip", "not a zip");
  EXPECT_EQ(error_of([&] { open_dataset(folder / "text.zip", {}); }), "3: text.zip: not a zip archive");
  std::filesystem::create_directories(folder / "empty");
  EXPECT_HAS(error_of([&] { open_dataset(folder / "empty", {}); }), "no data set found");
}

TEST(Dataset, DamagedZips) {
  TemporaryFolder folder;
  write_zip(folder / "set.zip", kaggle_files());
  std::string zip = read_file(folder / "set.zip");
  write_text(folder / "cut.zip", zip.substr(0, zip.size() / 2));
  const std::string error = error_of([&] { open_dataset(folder / "cut.zip", {}); });
  EXPECT_HAS(error, "that do not end with a zip directory");
  // A flipped byte inside a stored picture is found by its CRC, and only that picture fails.
  zip[zip.find(jpeg(12)) + 100] = char(zip[zip.find(jpeg(12)) + 100] ^ 1);
  write_text(folder / "flipped.zip", zip);
  const DataSet data = open_dataset(folder / "flipped.zip", {});
  const std::string damaged = error_of([&] { data.images->image(1); });
  EXPECT_TRUE(damaged.starts_with("3: flipped.zip: images/12.jpg: damaged in the archive (CRC-32 ")) << damaged;
  EXPECT_EQ(error_of([&] { data.images->image(0); }), "nothing");
}

TEST(Dataset, ThreadsReadOneZip) {
  TemporaryFolder folder;
  Files files = kaggle_files();
  write_zip(folder / "set.zip", files);
  const DataSet data = open_dataset(folder / "set.zip", {});
  std::vector<Image> expected;
  for (std::size_t i = 0; i < 4; ++i) expected.push_back(data.images->image(i));
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 200; ++i)
        wrong[t] += data.images->image((i + t) % 4).pixels != expected[(i + t) % 4].pixels;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

TEST(Dataset, SharedArchive) {
  PC_NEEDS_SHARED("datasets/fashion-product-images-small.zip");
  const DataSet data = open_dataset(shared_file("datasets/fashion-product-images-small.zip"),
                                    {"masterCategory", "subCategory", "articleType", "baseColour", "season", "usage"});
  const Catalog& c = data.catalog;
  EXPECT_EQ(c.report.rows, 40052);
  EXPECT_EQ(c.items.size(), 40047u);
  EXPECT_EQ(c.report.repaired_rows, 18);
  EXPECT_EQ(c.report.rows_without_image, 5);
  EXPECT_EQ(c.report.images_without_row, 0);
  EXPECT_EQ(c.report.duplicate_ids, 0);
  EXPECT_EQ(c.classes[0].size(), 7u);
  EXPECT_TRUE(std::binary_search(c.classes[3].begin(), c.classes[3].end(), "NA"));
  EXPECT_TRUE(std::binary_search(c.classes[5].begin(), c.classes[5].end(), "NA"));
  EXPECT_EQ(c.classes[4].size(), 4u);
  const auto no_season = std::count_if(c.items.begin(), c.items.end(), [](const auto& i) { return i.labels[4] < 0; });
  EXPECT_GT(no_season, 0);
  const Image image = data.images->image(0);
  EXPECT_EQ(std::pair(image.h, image.w), std::pair(80, 60));
}

TEST(Dataset, SharedPicturesAsPublishedDecodeToo) {
  PC_NEEDS_SHARED("datasets/raw-jpegs-400.zip");
  const DataSet data = open_dataset(shared_file("datasets/raw-jpegs-400.zip"), {});
  EXPECT_EQ(data.catalog.items.size(), 400u);
  for (std::size_t i = 0; i < 400; ++i) ASSERT_EQ(error_of([&] { data.images->image(i); }), "nothing");
}

TEST(Dataset, FashionMnistOfDebian) {
  const std::filesystem::path root = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "Debian's dataset-fashion-mnist is not installed";
  const DataSet data = open_dataset(root, {});
  EXPECT_EQ(data.catalog.items.size(), 70000u);
  EXPECT_EQ(std::count(data.catalog.given.begin(), data.catalog.given.end(), Split::test), 10000);
  EXPECT_EQ(data.catalog.classes[0].size(), 10u);
  EXPECT_EQ(data.catalog.classes[0][std::size_t(data.catalog.items[0].labels[0])], "Ankle boot");
}

}  // namespace
}  // namespace pc::data
