// pcdata sample: the same bytes for a seed, the promised warts, and nothing overwritten.
#include <fmt/format.h>

#include "data/catalog.h"
#include "data/decode.h"
#include "data/jpeg.h"
#include "kernels/base/file.h"
#include "tests/inspect/pcdata.h"
#include "tools/dataset/drawing.h"

namespace pc::dataset {
namespace {

using test::pcdata;

class Sample : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
};

TEST_F(Sample, SameSeedSameBytes) {
  for (const char* arguments : {"sample 30 a", "sample 30 b --seed 1", "sample 30 c --seed 2"})
    ASSERT_EQ(pcdata(folder_.path(), arguments).code, 0);
  for (const char* file : {"styles.csv", "images/10000.jpg", "images/10011.jpg"}) {
    EXPECT_TRUE(read_file(folder_ / "a" / file) == read_file(folder_ / "b" / file)) << file;
    EXPECT_FALSE(read_file(folder_ / "a" / file) == read_file(folder_ / "c" / file)) << file;
  }
}

TEST_F(Sample, OpensAsKagglesLayoutWithItsWarts) {
  ASSERT_EQ(pcdata(folder_.path(), "sample 200 shop").code, 0);
  const data::DataSet data = data::open_dataset(folder_ / "shop", {"articleType", "baseColour"});
  EXPECT_EQ(data.kind, "kaggle");
  EXPECT_EQ(data.catalog.columns_there.size(), 10u);
  EXPECT_EQ(data.catalog.report.rows, 200);
  EXPECT_EQ(data.catalog.report.repaired_rows, 2);
  EXPECT_EQ(data.catalog.report.rows_without_image, 2);
  EXPECT_EQ(data.catalog.classes[0].size(), products().size());
  EXPECT_EQ(data.catalog.classes[1].size(), paints().size());
  int gray = 0, narrow = 0;
  for (std::size_t i = 0; i < data.catalog.items.size(); ++i) {
    const data::ImageInfo info = data.images->info(i);
    gray += info.mode == data::ImageMode::gray;
    narrow += info.w == 53;
    EXPECT_EQ(info.h, 80);
  }
  EXPECT_EQ(std::pair(gray, narrow), std::pair(2, 2));
}

TEST_F(Sample, RefusesAFolderThatIsThere) {
  test::write_text(folder_ / "mine" / "file", "precious");
  const test::Ran r = pcdata(folder_.path(), "sample 10 mine");
  EXPECT_EQ(r.code, 4);
  EXPECT_EQ(r.err, "pcdata: mine exists already; --force replaces it\n");
  EXPECT_EQ(read_file(folder_ / "mine" / "file"), "precious");
}

TEST_F(Sample, LeavesNothingHalfMade) {
  EXPECT_EQ(pcdata(folder_.path(), "sample 10 no/such/folder/x").code, 0) << "folders above are made";
  EXPECT_EQ(pcdata(folder_.path(), "sample 0 x").code, 2);
  test::write_text(folder_ / "file", "");
  EXPECT_EQ(pcdata(folder_.path(), "sample 10 file/x").code, 4);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x"));
}

TEST(EncodeJpeg, ComesBackNearlyAsItWas) {
  const data::Image image = draw_product(0, 1, 80, 60, 1, 1);
  const data::Image back = data::decode_image(data::encode_jpeg(image, {.quality = 95}), "x");
  ASSERT_EQ(std::pair(back.h, back.w), std::pair(80, 60));
  double sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) sum += std::abs(int(image.pixels[i]) - int(back.pixels[i]));
  EXPECT_LT(sum / double(image.pixels.size()), 3);
  EXPECT_THROW(data::encode_jpeg({.h = 0, .w = 0, .pixels = {}}), std::logic_error);
}

TEST(EncodeJpeg, GrayHasOneComponent) {
  EXPECT_EQ(data::image_info(data::encode_jpeg(draw_product(0, 1, 80, 60, 1, 1), {.gray = true})).mode,
            data::ImageMode::gray);
}

}  // namespace
}  // namespace pc::dataset
