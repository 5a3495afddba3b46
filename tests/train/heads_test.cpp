// pctrain on a catalog in Kaggle's layout: many label columns with gaps, splits that keep groups together and can be
// given back, classes that are visited more often.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "kernels/base/file.h"
#include "kernels/base/random.h"
#include "models/model_file.h"
#include "tests/support.h"
#include "tests/train/runs.h"
#include "tools/train/class_weights.h"

namespace pc::test {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

class Heads : public testing::Test {
 protected:
  static constexpr int kProducts = 96;

  void SetUp() override { write_catalog("shop", kProducts); }

  // Red Apparel and blue Footwear; three products of a name; of articleType Scarves there are but three.
  void write_catalog(const std::string& name, int products) {
    std::filesystem::create_directories(folder_ / name / "images");
    std::string csv = "id,masterCategory,articleType,season,year,usage,productDisplayName\n";
    for (int i = 0; i < products; ++i) {
      const bool shoe = i % 2;
      const char* type = i == 10 || i == 40 || i == 70 ? "Scarves" : shoe ? "Shoes" : i % 4 ? "Shirts" : "Jeans";
      csv += fmt::format("{},{},{},{},{},{},Brand{} Men Thing {}\n", i, shoe ? "Footwear" : "Apparel", type,
                         i % 3 == 0   ? ""
                         : i % 3 == 1 ? "Summer"
                                      : "Winter",
                         2010 + i / 24, i % 5 ? "Casual" : "NA", i / 12, i / 3);
      data::Image image{.h = 24, .w = 20, .pixels = std::vector<uint8_t>(24 * 20 * 3)};
      for (std::size_t p = 0; p < image.pixels.size(); ++p)
        image.pixels[p] = uint8_t((p % 3 == (shoe ? 2 : 0) ? 150 : 30) + int(philox(1, uint64_t(i), p).word[0] % 80));
      write_png(folder_ / name / "images" / fmt::format("{}.png", i), image);
    }
    write_file_atomically(folder_ / name / "styles.csv", csv);
  }
  Outcome train(const std::string& name, const Strings& settings, int kill_after_ms = -1) {
    Strings a = train_arguments(folder_.path(), folder_ / "shop", name);
    a.insert(a.end(), {"--set", "data.labels=masterCategory, articleType", "--set", "train.epochs=1"});
    for (const std::string& s : settings) a.insert(a.end(), {"--set", s});
    return run_program("pctrain", a, kill_after_ms, SIGKILL);
  }
  std::filesystem::path run(const std::string& name) const { return folder_ / "runs" / name; }
  std::string split_csv(const std::string& name) const { return read_file(run(name) / "split.csv"); }
  json tested(const std::string& name) const { return events_of(run(name)).back().at("heads"); }
  Strings labels(const std::string& name, std::size_t head) const {
    return load_model(run(name) / "model.safetensors").info.heads.at(head).labels;
  }
  // The split word of every product.
  std::vector<std::string> sides(const std::string& name) const {
    std::istringstream lines(split_csv(name));
    std::vector<std::string> sides;
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, "file,split,group");
    while (std::getline(lines, line))
      sides.push_back(line.substr(line.find(',') + 1, line.rfind(',') - line.find(',') - 1));
    return sides;
  }

  TemporaryFolder folder_;
};

TEST_F(Heads, ManyColumnsWithGaps) {
  const Outcome outcome = train("four", {"data.labels=masterCategory, season, usage, articleType", "data.min_count=4"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(labels("four", 0), (Strings{"Apparel", "Footwear"}));
  EXPECT_EQ(labels("four", 1), (Strings{"Summer", "Winter"}));  // an empty cell is no class
  EXPECT_EQ(labels("four", 2), (Strings{"Casual", "NA"}));      // "NA" is one
  EXPECT_EQ(labels("four", 3), (Strings{"Jeans", "Other", "Shirts", "Shoes"}));
  const json heads = tested("four");
  const int64_t n = heads["masterCategory"]["n"];
  EXPECT_GT(n, 5);
  EXPECT_EQ(heads["usage"]["n"], n);
  EXPECT_GT(heads["season"]["unknown"].get<int64_t>(), 0);
  EXPECT_EQ(heads["season"]["n"].get<int64_t>() + heads["season"]["unknown"].get<int64_t>(), n);
}

TEST_F(Heads, DroppedClassesAreNoLabel) {
  ASSERT_EQ(train("drop", {"data.min_count=4", "data.rare=drop"}).code, 0);
  EXPECT_EQ(labels("drop", 1), (Strings{"Jeans", "Shirts", "Shoes"}));
}

TEST_F(Heads, TheSafeSplitKeepsNamesTogetherAndIsReusable) {
  const Outcome outcome = train("first", {"data.limit=40"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_HAS(outcome.err, "32 groups of near duplicates or equal names hold 96 images, the largest 3");
  std::map<std::string, int> counts;
  const auto side = sides("first");
  ASSERT_EQ(side.size(), std::size_t(kProducts));
  for (std::size_t i = 0; i < side.size(); ++i) {
    ++counts[side[i]];
    const std::string& first = side[i / 3 * 3];
    EXPECT_EQ(side[i] == "test", first == "test") << i;
    EXPECT_EQ(side[i] == "val", first == "val") << i;
  }
  EXPECT_NEAR(counts["test"], 9.6, 3);
  EXPECT_NEAR(counts["val"], 9.6, 3);
  EXPECT_EQ(counts["train"], 40);
  EXPECT_GT(counts["unused"], 30);  // beyond data.limit
  const std::string file = "data.split_file=" + (run("first") / "split.csv").string();
  ASSERT_EQ(train("again", {file, "data.seed=99", "data.split=random"}).code, 0);
  EXPECT_EQ(split_csv("again"), split_csv("first"));
  EXPECT_TRUE(read_file(run("again") / "model.safetensors") == read_file(run("first") / "model.safetensors"));
}

TEST_F(Heads, BadSplitFilesNameTheLine) {
  ASSERT_EQ(train("good", {}).code, 0);
  const std::string good = split_csv("good");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::string row = good.substr(good.find('\n') + 1, good.find('\n', good.find('\n') + 1) - good.find('\n'));
  const std::pair<std::string, std::string> cases[] = {
      {with("images/0.png", "images/x.png"), "split.csv:2: \"images/x.png\" is not an image of the data set"},
      {with(",train,", ",trian,"), ": split \"trian\": requires train, val, test or unused"},
      {good + row, "split.csv:98: \"images/0.png\" comes a second time"},
      {with(row, ""), "split.csv: does not list images/0.png; add a line"},
      {with("file,split", "file,side"), "split.csv: no column \"split\""},
      {"", "split.csv: empty file"}};
  for (const auto& [text, message] : cases) {
    write_file_atomically(folder_ / "split.csv", text);
    const Outcome outcome = train("bad", {"data.split_file=" + (folder_ / "split.csv").string()});
    EXPECT_TRUE(ended(outcome, 3, message)) << message;
  }
  EXPECT_EQ(train("bad", {"data.split_file=/nowhere/split.csv"}).code, 4);
}

TEST_F(Heads, PcevalFindsTheTestPicturesAgain) {
  ASSERT_EQ(train("scored", {}).code, 0);
  const Strings arguments{(run("scored") / "model.safetensors").string(), (folder_ / "shop").string(), "--split",
                          "test", "--json"};
  const Outcome outcome = run_program("pceval", arguments);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json there = json::parse(outcome.out)["heads"], trained = tested("scored");
  for (const char* head : {"masterCategory", "articleType"})
    for (const char* figure : {"n", "accuracy", "macro_f1"})
      EXPECT_EQ(there[head][figure], trained[head][figure]) << head;
  write_catalog("shop", kProducts + 1);
  const Outcome other = run_program("pceval", arguments);
  EXPECT_TRUE(ended(other, 3, "97 images, but the model was trained on a data set of 96"));
}

TEST_F(Heads, ARunDoesNotGoOnWithAnotherSplit) {
  ASSERT_EQ(train("grown", {}).code, 0);
  write_catalog("shop", kProducts + 12);
  const Outcome outcome = train("grown", {"train.epochs=2"});
  EXPECT_TRUE(ended(outcome, 3, "grown/split.csv: the images are no longer divided as it says"));
}

TEST_F(Heads, ByYearTheNewestAreTheTest) {
  ASSERT_EQ(train("year", {"data.split=year", "data.test=0.2"}).code, 0);
  const auto side = sides("year");
  for (std::size_t i = 0; i < side.size(); ++i) EXPECT_EQ(side[i] == "test", i >= 72) << i;
}

TEST_F(Heads, NoBrandIsOnTwoSides) {
  ASSERT_EQ(train("brand", {"data.split=brand", "data.test=0.25", "data.val=0.13"}).code, 0);
  const auto side = sides("brand");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < side.size(); ++i) {
    EXPECT_EQ(side[i], side[i / 12 * 12]) << i;
    seen.insert(side[i]);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"test", "train", "val"}));
}

TEST_F(Heads, FoldersHaveNeitherYearsNorBrands) {
  make_colors(folder_ / "colours", 4);
  for (const auto& [how, column] : {std::pair("year", "year"), std::pair("brand", "productDisplayName")}) {
    Strings a = train_arguments(folder_.path(), folder_ / "colours", "none");
    a.insert(a.end(), {"--set", std::string("data.split=") + how});
    const Outcome outcome = run_program("pctrain", a);
    EXPECT_TRUE(ended(outcome, 2, std::string("has no column \"") + column));
  }
}

TEST_F(Heads, SamplingAndClassWeightsResumeBitForBit) {
  const Strings settings{"data.sampling=balanced", "train.epochs=2", "train.save_every=1",
                         "train.class_weights=effective"};
  EXPECT_TRUE(
      survives_kills(folder_ / "runs", [&](const std::string& name, int wait) { return train(name, settings, wait); }));
  ASSERT_EQ(train("plain", {"train.epochs=2", "train.class_weights=effective"}).code, 0);
  EXPECT_FALSE(read_file(run("plain") / "model.safetensors") == read_file(run("whole") / "model.safetensors"));
}

TEST(ClassWeights, FollowTheirFormulas) {
  const std::vector<int64_t> counts{4, 1, 0, 100'000};
  EXPECT_EQ(train::class_weights("none", counts), std::vector<float>{});
  EXPECT_EQ(train::class_weights("inverse", counts), (std::vector<float>{0.25f, 1, 1, 1e-5f}));
  EXPECT_EQ(train::class_weights("sqrt", {4, 1, 0, 10'000}), (std::vector<float>{0.5f, 1, 1, 0.01f}));
  const auto effective = train::class_weights("effective", counts);
  EXPECT_NEAR(effective[0], 0.001 / (1 - 0.999 * 0.999 * 0.999 * 0.999), 1e-6);
  EXPECT_NEAR(effective[1], 1, 1e-6);
  EXPECT_NEAR(effective[3], 0.001, 1e-6);  // a thousand pictures count like a hundred thousand
}

TEST_F(Heads, SamplingWantsAHeadThatIsThere) {
  const Outcome outcome = train("head", {"data.sampling=sqrt", "data.sampling_head=season"});
  EXPECT_TRUE(ended(outcome, 2, "data.sampling_head = season: requires one of masterCategory, articleType"));
}

}  // namespace
}  // namespace pc::test
