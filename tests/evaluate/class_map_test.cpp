// Class maps: what a CSV says, the errors with their places, and pceval's counts with a map against a case by hand.
#include "tools/evaluate/class_map.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/predict/fixture.h"
#include "tools/predict/predictor.h"

namespace pc::evaluate {
namespace {

using namespace test;

class ClassMapTest : public testing::Test {
 protected:
  ClassMap map_of(const std::string& csv) {
    write_text(folder_ / "map.csv", csv);
    ClassMap map;
    map.add(folder_ / "map.csv");
    return map;
  }
  // The message without the folder.
  std::string error_of(const std::string& csv) {
    const std::string message = refusal([&] {
      map_of(csv).check_classes({"dress", "hat"}, "set");
    }),
                      folder = folder_.path().string() + "/";
    return message.starts_with(folder) ? message.substr(folder.size()) : "no path first: " + message;
  }
  TemporaryFolder folder_;
};

TEST_F(ClassMapTest, PairsCommentsAndQuotes) {
  const ClassMap map = map_of("# why\nclass,label\n\n# a hat\nhat,Caps\nhat,\"Hat, felt\"\r\ndress,Dresses\n");
  using Rows = std::vector<std::vector<int32_t>>;
  EXPECT_EQ(map.correct_labels({"dress", "hat", "skirt"}, {"Hat, felt", "Caps", "Tops"}), (Rows{{}, {1, 0}, {}}));
  EXPECT_EQ(map.unknown({"Caps"}), (std::vector<std::string>{"Hat, felt", "Dresses"}));
}

TEST_F(ClassMapTest, TheHeadThatKnowsMostLabels) {
  const ClassMap map = map_of("class,label\nhat,Caps\ndress,Dresses\n");
  EXPECT_EQ(map.best_head({{"a", {"Caps"}}, {"b", {"Dresses", "Caps"}}}), 1);
  EXPECT_EQ(map.best_head({{"a", {"Caps"}}, {"b", {"Dresses"}}}), -1);
  EXPECT_EQ(map.best_head({{"a", {"Tops"}}}), -1);
}

TEST_F(ClassMapTest, EveryErrorNamesItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "map.csv: empty file"},
      {"# only a comment\n", "map.csv: empty file"},
      {"class,label\n", "map.csv: no row below the header class,label"},
      {"class,lable\nhat,Caps\n",
       "map.csv: no column \"label\"; the columns are class, lable; did you mean \"lable\"?"},
      {"class,label,weight\nhat,Caps,1\n", "map.csv:1: more than the two columns class and label"},
      {"class,label\nhat\n", "map.csv:2: 1 fields, expected 2"},
      {"class,label\n# why\nhat,Hat,felt\n", "map.csv:3: a comma too many; put quotes around a name that has one"},
      {"class,label\nhat,\n", "map.csv:2: a class or a label is empty"},
      {"class,label\nhat,Caps\n\nhat,Caps\n", "map.csv:4: hat,Caps stands at "},
      {"class,label\nhat,Caps\nsari,Sarees\n", "map.csv:3: set has no class \"sari\"; its classes: dress, hat"},
  };
  for (const auto& [csv, message] : cases) EXPECT_TRUE(error_of(csv).starts_with(message)) << csv << error_of(csv);
}

// Pictures 0 … 5 of a folder per class; the map is made so that the model's own answers are right or wrong as wanted.
class MappedScore : public ClassMapTest {
 protected:
  std::string said(int seed) { return test::said(predictor_, seed); }
  void put(const std::string& of_class, int seed) {
    write_text(folder_ / fmt::format("set/{}/{}.png", of_class, seed), png_of(make_picture(seed)));
  }
  Ran eval(const std::string& arguments) {
    return shell(folder_.path(), "\"$BIN/pceval\" \"$MODEL\" set " + arguments);
  }
  predict::Predictor predictor_{tiny_model(), {}};
};

TEST_F(MappedScore, CountsAsByHand) {
  for (int seed = 0; seed < 3; ++seed) put("hat", seed);
  put("coat", 3), put("sari", 4), put("shoe", 5);
  const std::string wrong = said(3) == "a" ? "b" : "a";
  std::string csv = "class,label\nsari,Sarees\n";  // no head knows it; shoe has no row
  csv += "coat," + wrong + "\n";
  csv += "hat,a\nhat,b\nhat,c\n";  // whatever the model says
  write_text(folder_ / "map.csv", csv);
  const Ran ran = eval("--map map.csv --per-class --json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_HAS(ran.err, "Sarees");
  const auto head = ran.lines().at(0)["heads"]["kind"];
  EXPECT_EQ(head["n"], 4);
  EXPECT_EQ(head["unknown"], 2);
  EXPECT_EQ(head["unscored"], (nlohmann::json{{"sari", 1}, {"shoe", 1}}));
  EXPECT_DOUBLE_EQ(head["accuracy"].get<double>(), 0.75);
  EXPECT_DOUBLE_EQ(head["mean_recall"].get<double>(), 0.5);
  EXPECT_FALSE(head.contains("macro_f1"));
  EXPECT_DOUBLE_EQ(head["majority"].get<double>(), 1);  // naming `wrong` would be right for all four
  EXPECT_EQ(head["classes"]["hat"]["recall"], 1);
  EXPECT_DOUBLE_EQ(head["classes"]["hat"]["precision"].get<double>(), 0.75);  // the coat got a label of hats
  EXPECT_EQ(head["classes"]["coat"]["recall"], 0);
  EXPECT_EQ(head["classes"]["coat"]["mistaken_for"], said(3));
  EXPECT_TRUE(head["classes"]["sari"]["recall"].is_null());
  EXPECT_TRUE(head["classes"]["sari"]["low"].is_null());
  EXPECT_EQ(head["classes"]["sari"]["n"], 1);
}

TEST_F(MappedScore, TheTableHasBlanksAndNamesThem) {
  put("hat", 0), put("sari", 1);
  write_text(folder_ / "map.csv", "class,label\nhat,a\nhat,b\nhat,c\n");
  const Ran ran = eval("--map map.csv --per-class");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_HAS(ran.out, "macro recall");
  EXPECT_HAS(ran.out, "left out: sari (1)");
  EXPECT_HAS(ran.out, "sari       1       -  -");
}

TEST_F(MappedScore, HeadsThatDoNotFitAreRefused) {
  put("hat", 0);
  write_text(folder_ / "map.csv", "class,label\nhat,Caps\n");
  EXPECT_EQ(eval("--map map.csv").code, 2);  // no head knows more than the others
  const Ran ran = eval("--map map.csv --head kind");
  EXPECT_TRUE(ended(ran, 3, "those of head \"kind\": a, b, c"));
  EXPECT_EQ(eval("--map map.csv --head size").code, 2);
  EXPECT_EQ(eval("--map nowhere.csv").code, 4);
}

TEST_F(MappedScore, AColumnOfATableTakesAMapToo) {
  write_text(folder_ / "set/styles.csv", "id,article\n1,Hat\n2,Coat\n");
  for (int id : {1, 2}) write_text(folder_ / fmt::format("set/images/{}.png", id), png_of(make_picture(id)));
  write_text(folder_ / "map.csv", "class,label\nHat,a\nHat,b\nHat,c\n");
  EXPECT_EQ(eval("--map map.csv").code, 2);
  const Ran ran = eval("--map map.csv --labels article --json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.lines().at(0)["heads"]["kind"]["accuracy"], 1);
  EXPECT_EQ(ran.lines().at(0)["heads"]["kind"]["unknown"], 1);
}

TEST(ClassMapFiles, OfThisHouseFitThePhotos) {
  const std::vector<std::string> classes = {"dress", "hat",   "longsleeve", "outwear", "pants",
                                            "shirt", "shoes", "shorts",     "skirt",   "t-shirt"};
  for (const char* name : {"home-photos-to-articleType.csv", "home-photos-to-fashion-mnist.csv"}) {
    ClassMap map;
    map.add(std::string(PC_SOURCE_DIR "/tools/configs/maps/") + name);
    EXPECT_NO_THROW(map.check_classes(classes, "home-photos.zip"));
  }
}

TEST(ClassMapFiles, NameLabelsThatThereAre) {
  PC_NEEDS_SHARED("datasets/fashion-product-images-small.zip");
  ClassMap map;
  map.add(PC_SOURCE_DIR "/tools/configs/maps/home-photos-to-articleType.csv");
  const data::DataSet data =
      data::open_dataset(shared_file("datasets/fashion-product-images-small.zip"), {"articleType"});
  EXPECT_EQ(map.unknown(data.catalog.classes[0]), std::vector<std::string>{});
}

}  // namespace
}  // namespace pc::evaluate
