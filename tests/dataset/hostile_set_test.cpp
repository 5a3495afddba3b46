// Zip archives as data sets, read without unpacking: the same archives are refused, and a picture that lies harms
// itself alone.
#include "data/catalog.h"
#include "data/png.h"
#include "data/tree.h"
#include "tests/dataset/zip_bytes.h"
#include "tests/programs.h"

namespace pc::dataset {
namespace {

using namespace test;

class ZipSet : public testing::Test {
 protected:
  ZipSet() {
    const auto bytes = data::encode_png({.h = 4, .w = 4, .pixels = std::vector<uint8_t>(48, 100)});
    png_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::filesystem::path write(const std::vector<ZipEntry>& entries) const {
    write_file_atomically(folder_ / "set.zip", zip_of(entries));
    return folder_ / "set.zip";
  }
  std::string open_error(const std::vector<ZipEntry>& entries) const {
    return error_of([&] { data::open_dataset(write(entries), {}); });
  }
  TemporaryFolder folder_;
  std::string png_;
};

TEST_F(ZipSet, WhatUnpackRefusesIsNoDataSet) {
  const ZipEntry shoe{"shoe/1.png", png_}, hat{"hat/1.png", png_};
  EXPECT_EQ(open_error({shoe, hat}), "nothing");
  EXPECT_EQ(open_error({shoe, shoe}), "3: set.zip: two records are named \"shoe/1.png\"");
  EXPECT_EQ(open_error({shoe, {"SHOE/1.png", png_}}),
            "3: set.zip: entry \"SHOE/1.png\" and \"shoe/1.png\" are one file where case does not count");
  EXPECT_EQ(open_error({shoe, {"../hat/1.png", png_}}),
            "3: set.zip: entry \"../hat/1.png\" leaves the folder it is unpacked into");
  EXPECT_EQ(open_error({shoe, {.name = "hat/1.png", .text = png_, .local_name = "hat/2.png"}}),
            "3: set.zip: record \"hat/1.png\": the local header has another name");
  EXPECT_EQ(open_error({shoe, {.name = "hat/1.png", .text = "x", .method = kDeflated, .bytes = 4'000'000'000}}),
            "6: set.zip: entry \"hat/1.png\" would grow from 3 to 4000000000 bytes; the limit is 1000:1");
  EXPECT_EQ(
      open_error({shoe, {.name = "hat/1.png", .text = png_, .flags = 1}}),
      "3: set.zip: record \"hat/1.png\" is encrypted; unpack the archive with its password and pack the files again");
}

TEST_F(ZipSet, APictureThatLiesFailsAlone) {
  const data::DataSet data = data::open_dataset(
      write({{"shoe/1.png", png_},
             {.name = "shoe/2.png", .text = png_, .crc = 7},
             {.name = "shoe/3.png", .text = png_, .method = kDeflated, .bytes = uint32_t(png_.size() - 1)},
             {.name = "shoe/4.png", .text = png_, .method = kDeflated, .bytes = uint32_t(png_.size() + 1)},
             {.name = "shoe/5.png", .text = png_, .method = kDeflated, .packed = deflated(png_).substr(0, 20)},
             {"shoe/6.png", png_, kDeflated}}),
      {});
  const auto error = [&](std::size_t i) { return error_of([&] { data.images->image(i); }); };
  EXPECT_EQ(error(0), "nothing");
  EXPECT_TRUE(error(1).starts_with("3: set.zip: shoe/2.png: damaged in the archive (CRC-32 ")) << error(1);
  EXPECT_TRUE(error(2).starts_with("3: set.zip: shoe/3.png: damaged in the archive (holds more than the")) << error(2);
  EXPECT_TRUE(error(3).starts_with("3: set.zip: shoe/4.png: damaged in the archive (holds ")) << error(3);
  EXPECT_EQ(error(4), "3: set.zip: shoe/5.png: damaged in the archive (the packed bytes end too early)");
  EXPECT_EQ(error(5), "nothing");
  const Outcome pack = run(folder_.path(), "pcdata", {"pack", "set.zip", "--cache", "cache"});
  EXPECT_EQ(pack.code, 0) << pack.err;
  EXPECT_HAS(pack.out, "6 images, 4 unreadable");
}

TEST_F(ZipSet, AnEntryAboveTheLimitIsNotRead) {
  const auto tree = data::open_tree(write({{"a", std::string(100, 'x'), kDeflated}}));
  EXPECT_EQ(error_of([&] { tree->read(tree->entries()[0], 99); }), "6: set.zip: a: 100 bytes, the limit is 99");
  EXPECT_EQ(tree->read(tree->entries()[0], 100).size(), 100u);
}

}  // namespace
}  // namespace pc::dataset
