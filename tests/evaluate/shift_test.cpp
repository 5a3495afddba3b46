// pceval --shift on small data sets: every row counted again here, blanks, and which pictures every model is scored on.
#include "tools/evaluate/shift.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "data/corrupt.h"
#include "data/resize.h"
#include "data/split.h"
#include "tests/predict/fixture.h"
#include "tools/evaluate/shift_text.h"

namespace pc::evaluate {
namespace {

using namespace test;

class Shift : public testing::Test {
 protected:
  std::string said(int seed) { return test::said(predictor_, seed); }
  // Pictures 0 … n-1, each with the label that the model gives it.
  void kaggle(int n) {
    std::string csv = "id,kind\n";
    for (int i = 0; i < n; ++i) {
      csv += fmt::format("{},{}\n", 100 + i, said(i));
      write_text(folder_ / fmt::format("set/images/{}.png", 100 + i), png_of(make_picture(i)));
    }
    write_text(folder_ / "set/styles.csv", csv);
  }
  // A model file of the tiny network under another description.
  void model(const std::string& name, const ModelInfo& info) {
    save_model(folder_ / name, info, *make_classifier(info.architecture, info.head_shapes(), 3));
  }
  ModelInfo unrelated_model() {
    ModelInfo info = tiny_info();
    info.heads = {{"label", {"Boot", "Coat"}}};
    return info;
  }
  Ran eval(const std::string& arguments) { return shell(folder_.path(), "\"$BIN/pceval\" --shift " + arguments); }

  static constexpr std::size_t kRows = 2 + data::kCorruptions.size() * data::kSeverities;
  TemporaryFolder folder_;
  predict::Predictor predictor_{tiny_model(), {}};
};

// A third of the labels is not what the model says, so that corruptions lose and gain.
TEST_F(Shift, EveryRowFollowsTheDefinitions) {
  constexpr int kImages = 24;
  std::string csv = "id,kind\n";
  std::vector<std::string> truths;
  for (int i = 0; i < kImages; ++i) {
    truths.push_back(i % 3 ? said(i) : said(i) == "b" ? "c" : "b");
    csv += fmt::format("{},{}\n", 100 + i, truths.back());
    write_text(folder_ / fmt::format("set/images/{}.png", 100 + i), png_of(make_picture(i)));
  }
  write_text(folder_ / "set/styles.csv", csv);
  const std::string command = "\"$MODEL\" set --head kind --split all --json";
  const Ran ran = eval(command + " --limit 24");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = ran.lines().at(0);
  EXPECT_EQ(json["label"], "kind");
  EXPECT_EQ(json["sample"], kImages);
  ASSERT_EQ(json["rows"].size(), kRows);
  const auto is_correct = [&](int i, const data::Image& image) {
    const auto logits = predictor_.predict({predictor_.prepare(image)}).front()[0];
    return predictor_.info().heads[0].labels[std::size_t(std::max_element(logits.begin(), logits.end()) -
                                                         logits.begin())] == truths[std::size_t(i)];
  };
  int64_t all_lost = 0, all_gained = 0;
  for (std::size_t row = 0; row < kRows; ++row) {
    int64_t correct = 0, lost = 0, gained = 0;
    std::map<std::string, std::pair<double, double>> classes;
    for (int i = 0; i < kImages; ++i) {
      const data::Image image = make_picture(i);
      const bool before = is_correct(i, image);
      const std::size_t kind = (row - 2) / data::kSeverities, severity = 1 + (row - 2) % data::kSeverities;
      const bool after =
          row < 2 ? before
                  : is_correct(i, data::corrupt(data::resize_to_short_side(image, predictor_.decoding().min_side),
                                                data::kCorruptions[kind], int(severity), 1, uint64_t(i)));
      correct += after, lost += before && !after, gained += after && !before;
      classes[truths[std::size_t(i)]].first += after, ++classes[truths[std::size_t(i)]].second;
    }
    double recall = 0;
    for (const auto& [name, c] : classes) recall += c.first / c.second / double(classes.size());
    const auto cell = json["rows"][row]["cells"][0];
    EXPECT_EQ(cell["n"], kImages);
    EXPECT_DOUBLE_EQ(cell["accuracy"].get<double>(), double(correct) / kImages) << row;
    EXPECT_DOUBLE_EQ(cell["mean_recall"].get<double>(), recall) << row;
    EXPECT_EQ(cell.contains("drop"), row >= 2);
    if (row < 2) continue;
    EXPECT_EQ(cell["lost"], lost) << row;
    EXPECT_EQ(cell["gained"], gained) << row;
    EXPECT_DOUBLE_EQ(cell["drop"].get<double>(), double(lost - gained) / kImages);
    all_lost += lost, all_gained += gained;
  }
  EXPECT_GT(all_lost, 0);
  EXPECT_GT(all_gained, 0);
  EXPECT_NE(all_lost, all_gained);
  const Ran part = eval(command + " --limit 8");
  EXPECT_EQ(part.lines().at(0)["rows"][0]["cells"][0]["n"], kImages);
  EXPECT_EQ(part.lines().at(0)["rows"][1]["cells"][0]["n"], 8);
  EXPECT_EQ(eval(command + " --limit 8").out, part.out);
}

// 40 pictures, 30 correct; 5 were lost and 1 gained, or the other way round.
TEST(ShiftText, ShowsSharesIntervalsAndTheSignOfTheChange) {
  const ShiftCell worse{.n = 40, .correct = 30, .lost = 5, .gained = 1, .macro_recall = 0.625};
  ShiftCell better = worse;
  std::swap(better.lost, better.gained);
  const ShiftReport report{.models = {"m"},
                           .heads = {"kind"},
                           .data = "set",
                           .label = "kind",
                           .sample = 40,
                           .rows = {{.name = "worse", .strength = "1", .paired = true, .cells = {worse}},
                                    {.name = "better", .strength = "2", .paired = true, .cells = {better}},
                                    {.name = "alone", .strength = "", .cells = {worse}},
                                    {.name = "none", .strength = "", .paired = true, .cells = {{}}}},
                           .held_out = {{{"year", "y"}, worse}},
                           .bad = {"x"}};
  const Interval interval = wilson(0.75, 40);
  const auto json = to_json(report);
  EXPECT_EQ(json["rows"][0]["cells"][0], (nlohmann::ordered_json{{"n", 40},
                                                                 {"accuracy", 0.75},
                                                                 {"low", interval.low},
                                                                 {"high", interval.high},
                                                                 {"mean_recall", 0.625},
                                                                 {"drop", 0.1},
                                                                 {"lost", 5},
                                                                 {"gained", 1}}));
  EXPECT_EQ(json["rows"][1]["cells"][0]["drop"], -0.1);
  EXPECT_FALSE(json["rows"][2]["cells"][0].contains("drop"));
  EXPECT_TRUE(json["rows"][3]["cells"][0].is_null());
  EXPECT_EQ(json["held_out"][0]["cell"]["accuracy"], 0.75);
  EXPECT_EQ(json["bad"], 1);
  const std::string cell = fmt::format("        40   75.0  {:.1f} … {:.1f}", 100 * interval.low, 100 * interval.high),
                    table = to_table(report);
  for (const std::string& line : {"worse   1" + cell + "  -10.0\n", "better  2" + cell + "  +10.0\n",
                                  "alone    " + cell + "\n", "none" + std::string(14, ' ') + "-\n"})
    EXPECT_HAS(table, "\n" + line) << line << table;
}

TEST_F(Shift, AModelOfOtherWordsHasBlanksWhereNoMapHelps) {
  kaggle(6);
  model("other.safetensors", unrelated_model());
  for (int i = 0; i < 3; ++i) write_text(folder_ / fmt::format("photos/hat/{}.png", i), png_of(make_picture(i)));
  for (int i = 3; i < 5; ++i) write_text(folder_ / fmt::format("photos/shoe/{}.png", i), png_of(make_picture(i)));
  write_text(folder_ / "map.csv", "class,label\nhat,a\nhat,b\nhat,c\nshoe,Boot\nshoe,a\n");
  const std::string arguments =
      "\"$MODEL\" other.safetensors set --head kind --split all --photos photos --map map.csv ";
  const Ran ran = eval(arguments + "--json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = ran.lines().at(0);
  ASSERT_EQ(json["rows"].size(), kRows + 2);
  EXPECT_EQ(json["models"][1]["head"], "label");
  for (std::size_t row = 0; row < kRows; ++row) {
    EXPECT_FALSE(json["rows"][row]["cells"][0].is_null());
    EXPECT_TRUE(json["rows"][row]["cells"][1].is_null());
  }
  EXPECT_EQ(json["rows"][kRows]["cells"][0]["n"], 5);
  EXPECT_EQ(json["rows"][kRows]["cells"][1]["n"], 2);
  EXPECT_EQ(json["rows"][kRows + 1]["cells"][0]["n"], 2);  // the shoes, which both can name
  EXPECT_EQ(json["rows"][kRows + 1]["cells"][1]["n"], 2);
  const Ran table = eval(arguments);
  EXPECT_HAS(table.out, "all models can name shoe\n");
  EXPECT_HAS(table.out, "JPEG");
  EXPECT_HAS(table.out, "          -\n");
}

TEST_F(Shift, OnlyPicturesThatEveryModelHasHeldBack) {
  kaggle(12);
  ModelInfo info = tiny_info();
  const uint64_t files = data::files_hash(data::open_dataset(folder_ / "set", {"kind"}).catalog);
  info.split = {.pictures = 12, .files = files, .test = {0, 2, 3, 5, 11}, .min_counts = {1, 1}};
  model("one.safetensors", info);
  info.split->test = {2, 4, 5, 6, 11};
  model("two.safetensors", info);
  info.split->test = {1};
  model("three.safetensors", info);
  const Ran ran = eval("one.safetensors two.safetensors set --head kind --json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = ran.lines().at(0);
  for (const auto& cell : json["rows"][0]["cells"]) EXPECT_EQ(cell["n"], 3);
  const Ran none = eval("one.safetensors three.safetensors set --head kind");
  EXPECT_TRUE(ended(none, 3, "no image was held back from every model"));
}

TEST_F(Shift, AHeldOutYearIsScoredByTheModelThatNeverSawIt) {
  kaggle(12);
  ModelInfo info = tiny_info();
  info.split = {.pictures = 12,
                .files = data::files_hash(data::open_dataset(folder_ / "set", {"kind"}).catalog),
                .test = {1, 4, 7, 8},
                .min_counts = {1, 1}};
  model("year.safetensors", info);
  const std::string arguments = "\"$MODEL\" set --head kind --split all --limit 0 --held-out ";
  const Ran ran = eval(arguments + "year=year.safetensors --json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto held_out = ran.lines().at(0)["held_out"];
  ASSERT_EQ(held_out.size(), 1u);
  EXPECT_EQ(held_out[0]["name"], "year");
  EXPECT_EQ(held_out[0]["cell"]["n"], 4);
  EXPECT_HAS(eval(arguments + "year=year.safetensors").out, "held out: year, by year.safetensors");
  EXPECT_EQ(eval(arguments + "year").code, 2);
  EXPECT_EQ(eval(arguments + "year=\"$MODEL\"").code, 3) << "it held nothing back";
}

TEST_F(Shift, WithoutCorruptionsOnlyTheTestPicturesAreLeft) {
  kaggle(6);
  const Ran ran = eval("\"$MODEL\" set --head kind --split all --limit 0 --json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = ran.lines().at(0);
  ASSERT_EQ(json["rows"].size(), 1u);
  EXPECT_EQ(json["rows"][0]["cells"][0]["n"], 6);
}

TEST_F(Shift, OneMapOneFlagAndTheModelsAfterIt) {
  kaggle(4);
  const Ran ran = eval("--limit 0 --split all --head kind --photos photos --map map.csv \"$MODEL\" set");
  EXPECT_LACKS(ran.err, "MODEL and DATA are required");
}

TEST_F(Shift, WhatIsOutOfTheOrdinaryStandsInTheHead) {
  kaggle(4);
  const Ran ran = eval("\"$MODEL\" set --head kind --split all --tta --bn-adapt");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_HAS(ran.out, "test-time augmentation");
  EXPECT_HAS(ran.out, "batch-norm statistics re-estimated");
  EXPECT_LACKS(eval("\"$MODEL\" set --head kind --split all").out, "augmentation");
}

TEST_F(Shift, WrongCommandLinesAreRefused) {
  kaggle(3);
  model("other.safetensors", unrelated_model());
  const std::pair<const char*, int> cases[] = {
      {"\"$MODEL\"", 2},                                      // no DATA
      {"\"$MODEL\" set", 2},                                  // two heads
      {"\"$MODEL\" set --head kind", 3},                      // no test split is known
      {"\"$MODEL\" set --head kind --map map.csv", 2},        // a map without photos
      {"\"$MODEL\" set --head kind --per-class", 2},          //
      {"\"$MODEL\" set --head kind --limit -1", 2},           //
      {"other.safetensors set --labels kind --split all", 3}  // nothing that it can name
  };
  for (const auto& [arguments, code] : cases) {
    const Ran ran = eval(arguments);
    EXPECT_EQ(ran.code, code) << arguments << "\n" << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  }
  EXPECT_EQ(shell(folder_.path(), "\"$BIN/pceval\" \"$MODEL\" \"$MODEL\" set").code, 2);
  EXPECT_EQ(shell(folder_.path(), "\"$BIN/pceval\" \"$MODEL\" set --photos set").code, 2);
}

}  // namespace
}  // namespace pc::evaluate
