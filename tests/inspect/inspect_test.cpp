// pcdata inspect as a user runs it: each layout, each defect, each form of the report.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/file.h"
#include "tests/description.h"
#include "tests/inspect/pcdata.h"

namespace pc::dataset {
namespace {

using nlohmann::json;
using test::pcdata;
using test::Ran;

class Inspect : public testing::Test {
 protected:
  json inspected(const std::string& arguments) const {
    const Ran r = pcdata(folder_.path(), "inspect --json " + arguments);
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_TRUE(r.err.starts_with("data: ")) << r.err;
    return json::parse(r.out);
  }
  test::TemporaryFolder folder_;
};

TEST_F(Inspect, CountsEveryDefect) {
  test::make_shop(folder_.path());
  const json found = inspected("shop");
  EXPECT_EQ(found["layout"], "kaggle");
  EXPECT_EQ(found["rows"], 105);
  EXPECT_EQ(found["repaired_rows"], 1);
  EXPECT_EQ(found["rows_without_picture"], 1);
  EXPECT_EQ(found["pictures_without_row"], 1);
  EXPECT_EQ(found["duplicate_ids"], 1);
  EXPECT_EQ(found["pictures"], 103);
  EXPECT_EQ(found["readable"], 101);
  EXPECT_EQ(found["unreadable"], json::parse(R"j([
    {"file": "images/20002.jpg", "reason": "images/20002.jpg: not an image (looks like HTML); expected JPEG, PNG or WebP"
},
    {"file": "images/20003.jpg", "reason": "images/20003.jpg: JPEG is truncated; copy or download it again"}])j"));
  EXPECT_EQ(found["formats"]["JPEG, grayscale"], 1);
  EXPECT_EQ(found["formats"]["PNG, RGBA"], 1);
  EXPECT_EQ(found["formats"]["JPEG, RGB"], 99);
  EXPECT_EQ(found["sizes"]["60x80"], 99);
  EXPECT_EQ(found["sizes"]["53x80"], 1);
  EXPECT_EQ(found["columns"].size(), 7u);
  EXPECT_EQ(found["columns"]["season"]["missing"], 1);
  EXPECT_EQ(found["columns"]["usage"]["classes"]["NA"], 1);
  int64_t articles = 0;
  for (const auto& count : found["columns"]["articleType"]["classes"]) articles += count.get<int64_t>();
  EXPECT_EQ(articles, 103);
}

TEST_F(Inspect, ListsNearIdenticalPicturesThatDisagree) {
  test::make_shop(folder_.path());
  const json found = inspected("shop");
  EXPECT_EQ(found["near_duplicates"], json::parse(R"([["images/10001.jpg", "images/20001.jpg"]])"));
  const json& wrong = found["likely_wrong_labels"]["masterCategory"];
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_EQ(wrong[0][1], json::parse(R"({"file": "images/20001.jpg", "label": "<i>Apparel</i>", "suspect": true})"));
  EXPECT_EQ(found["likely_wrong_labels"]["season"], json::array()) << "a missing label disagrees with none";
}

TEST_F(Inspect, TextNamesWhatIsWrong) {
  test::make_shop(folder_.path());
  const Ran r = pcdata(folder_.path(), "inspect shop --top 3");
  EXPECT_EQ(r.code, 0) << r.err;
  for (const char* line : {"shop (kaggle)\n  rows                          105\n",
                           "images/20002.jpg: not an image (looks like HTML); expected JPEG, PNG or WebP\n",
                           "styles.csv:102: id 10003 repeats line 5\n", "styles.csv:9: id 10007 has no image\n",
                           "images/30000.jpg: no row in styles.csv\n", "    images/10001.jpg ",
                           " | images/20001.jpg <i>Apparel</i>\n", "    and 5 more: "})
    EXPECT_HAS(r.out, line) << line << "\n" << r.out;
  EXPECT_LACKS(r.out, '\033');
}

TEST_F(Inspect, PageIsSelfContainedAndEscaped) {
  test::make_shop(folder_.path());
  ASSERT_EQ(pcdata(folder_.path(), "inspect shop --html report.html").code, 0);
  const std::string page = read_file(folder_ / "report.html");
  EXPECT_LT(page.size(), 5'000'000u);
  EXPECT_HAS(page, "&#60;i&#62;Apparel");
  for (const char* never : {"<i>", "<script", "http:", "https:", " src=", "onerror"})
    EXPECT_LACKS(page, never) << never;
  EXPECT_HAS(page, ".p1{background-image:url(data:image/jpeg;base64,");
}

TEST_F(Inspect, ChosenColumnsOnly) {
  test::make_shop(folder_.path());
  EXPECT_EQ(inspected("shop --labels gender,year")["columns"].size(), 2u);
  const Ran r = pcdata(folder_.path(), "inspect shop --labels gendr");
  EXPECT_TRUE(ended(r, 3, "did you mean \"gender\"?"));
}

TEST_F(Inspect, FoldersOfPictures) {
  test::make_shop(folder_.path());
  for (const char* name : {"10000", "10001", "10002"})
    test::write_text(folder_ / "classes" / (name[4] == '0' ? "hat" : "shoe") / (std::string(name) + ".jpg"),
                     read_file(folder_ / "shop" / "images" / (std::string(name) + ".jpg")));
  const json found = inspected("classes");
  EXPECT_EQ(found["layout"], "folders");
  EXPECT_EQ(found["columns"]["label"]["classes"], json::parse(R"({"shoe": 2, "hat": 1})"));
}

TEST_F(Inspect, Idx) {
  const std::filesystem::path root = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const json found = inspected(root.string());
  EXPECT_EQ(found["layout"], "idx");
  EXPECT_EQ(found["sizes"], json::parse(R"({"28x28": 70000})"));
  EXPECT_EQ(found["formats"], json::parse(R"({"grayscale": 70000})"));
  EXPECT_EQ(found["columns"]["label"]["classes"]["Ankle boot"], 7000);
}

TEST_F(Inspect, ExitCodesAndOneLine) {
  test::write_text(folder_ / "broken" / "hat" / "1.jpg", "no image");
  const std::pair<const char*, int> cases[] = {{"inspect", 2},
                                               {"inspect absent.zip", 4},
                                               {"inspect broken", 3},
                                               {"inspect --top -1 x", 2},
                                               {"inspect broken --json", 3}};
  for (const auto& [arguments, code] : cases) {
    const Ran r = pcdata(folder_.path(), arguments);
    EXPECT_EQ(r.code, code) << arguments << r.err;
    EXPECT_EQ(test::without_description(r.err).find('\n'), test::without_description(r.err).size() - 1) << r.err;
  }
  EXPECT_EQ(test::without_description(pcdata(folder_.path(), "inspect broken").err),
            "pcdata: broken: none of the 1 images can be read\n");
}

TEST_F(Inspect, SaysWhatItTookTheDataToBe) {
  for (const char* name : {"Training/hat/1.jpg", "Training/Hat/2.jpg", "Testing/hat/3.jpg", "labels.csv"})
    test::write_text(folder_ / "set" / name, name);
  const Ran r = pcdata(folder_.path(), "inspect set");
  EXPECT_EQ(r.code, 3);
  EXPECT_TRUE(r.err.starts_with(
      "data: 3 image files, a folder per class below Testing/, Training/\n"
      "data: label: 2 classes: \"Hat\", \"hat\"\n"
      "data: split given by the folders Testing/, Training/: 2 to train, 0 to validate, 1 to test\n"
      "data: labels.csv is not used; labels are read from styles.csv with a column id, next to images/ID.jpg\n"
      "data: label: \"Hat\" (1), \"hat\" (2) differ by blanks, letter case or encoding alone and are classes of their "
      "own"))
      << r.err;
  EXPECT_HAS(r.out, "    \"hat\" ");
  EXPECT_HAS(r.out, "    \"Hat\" ");
}

// A page that is there is not replaced without a word, and nothing is decoded for one that cannot be written.
TEST_F(Inspect, PagesAreNotOverwritten) {
  test::make_shop(folder_.path());
  test::write_text(folder_ / "report.html", "mine");
  EXPECT_EQ(pcdata(folder_.path(), "inspect shop --html report.html").err,
            "pcdata: report.html exists already; --force replaces it\n");
  EXPECT_EQ(read_file(folder_ / "report.html"), "mine");
  EXPECT_EQ(pcdata(folder_.path(), "inspect shop --html report.csv").code, 2);
  EXPECT_EQ(pcdata(folder_.path(), "inspect shop --html none/report.html").code, 4);
  EXPECT_EQ(pcdata(folder_.path(), "inspect shop --html report.html --force").code, 0);
  EXPECT_NE(read_file(folder_ / "report.html"), "mine");
}

TEST_F(Inspect, RealArchive) {
  const char* archive = "datasets/fashion-product-images-small.zip";
  PC_NEEDS_SHARED(archive);
  const json found = inspected(std::filesystem::absolute(test::shared_file(archive)).string());
  EXPECT_EQ(found["rows"], 40052);
  EXPECT_EQ(found["repaired_rows"], 18);
  EXPECT_EQ(found["rows_without_picture"], 5);
  EXPECT_EQ(found["pictures_without_row"], 0);
  EXPECT_EQ(found["readable"], 40047);
  EXPECT_EQ(found["unreadable"], json::array());
  EXPECT_EQ(found["columns"].size(), 7u);
  EXPECT_EQ(found["columns"]["masterCategory"]["classes"]["Apparel"], 19264);
  EXPECT_EQ(found["formats"]["JPEG, grayscale"], 394);
  EXPECT_GT(found["near_duplicates"].size(), 700u);
  std::size_t largest = 0;
  for (const auto& group : found["near_duplicates"]) largest = std::max(largest, group.size());
  EXPECT_LT(largest, 40u) << "products on white run together";
}

}  // namespace
}  // namespace pc::dataset
