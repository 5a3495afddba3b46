// The images that a run leaves to try the model on: which ones, under names that every file system takes.
#include "tools/train/held_back.h"

#include <set>

#include "data/catalog.h"
#include "data/decode.h"
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

using Names = std::set<std::string>;

class HeldBack : public testing::Test {
 protected:
  void SetUp() override {
    make_colors(folder_ / "set", 4);
    const data::DataSet set = data::open_dataset(folder_ / "set", {});
    plan_.store = data::open_store(set, {}, folder_ / "cache");
    plan_.catalog = set.catalog;
    plan_.catalog.columns = {"kind", "use"};
    plan_.catalog.classes = {{"Casual Shoes", "Caf\xc3\xa9"}, {"x", std::string(300, 'y')}};
    for (data::Catalog::Item& item : plan_.catalog.items) item.labels = {0, -1};
  }
  Names written(int count) const {
    std::filesystem::remove_all(folder_ / "out");
    train::write_held_back(folder_ / "out", plan_, count);
    Names names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "out"))
      names.insert(entry.path().filename());
    return names;
  }
  TemporaryFolder folder_;
  runs::DataPlan plan_;
};

TEST_F(HeldBack, AreSpreadOverTheTestImagesAndNamedByTheirLabels) {
  plan_.test = {1, 2, 4, 5, 7, 9, 11};
  plan_.catalog.items[4].labels = {1, 0};
  EXPECT_EQ(written(3), (Names{"Casual_Shoes-none-1.png", "Caf__-x-4.png", "Casual_Shoes-none-7.png"}));
  EXPECT_EQ(written(20).size(), 7u);
  plan_.test.clear();
  EXPECT_EQ(written(8), Names{});
}

TEST_F(HeldBack, AreTheImagesThemselves) {
  plan_.test = {6};
  written(8);
  const std::string png = read_file(folder_ / "out" / "Casual_Shoes-none-6.png");
  const data::Image image = data::decode_image(std::as_bytes(std::span(png)), "6");
  EXPECT_TRUE(image.pixels == plan_.store->copy_image(6).pixels);
}

// Some file systems take 255 bytes, and the file has ".tmp." and a process's number at its end while it is written.
TEST_F(HeldBack, LongLabelsAreCutAndStayApart) {
  plan_.test = {2, 10};
  for (const uint32_t item : plan_.test) plan_.catalog.items[item].labels = {0, 1};
  const std::string cut = "Casual_Shoes-" + std::string(187, 'y');
  EXPECT_EQ(written(8), (Names{cut + "-2.png", cut + "-10.png"}));
}

}  // namespace
}  // namespace pc::test
