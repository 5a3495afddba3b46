// pceval --shift on small data sets: rows, pairs, blanks, and which pictures every model is scored on.
#include "tools/evaluate/shift.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/corrupt.h"
#include "data/split.h"
#include "tests/predict/fixture.h"

namespace pc {
namespace {

using test::make_picture;
using test::png_of;
using test::Ran;
using test::shell;
using test::write_text;

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
    ModelInfo info = test::tiny_info();
    info.heads = {{"label", {"Boot", "Coat"}}};
    return info;
  }
  Ran eval(const std::string& arguments) { return shell(folder_.path(), "\"$BIN/pceval\" --shift " + arguments); }

  static constexpr std::size_t kRows = 2 + kCorruptions.size() * kSeverities;
  test::TemporaryFolder folder_;
  Predictor predictor_{test::tiny_model(), {}};
};

TEST_F(Shift, EveryRowIsCountedAgainstTheSamePictures) {
  kaggle(12);
  const std::string command = "\"$MODEL\" set --head kind --split all --limit 8 --json";
  const Ran ran = eval(command);
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto json = ran.lines().at(0);
  EXPECT_EQ(json["label"], "kind");
  EXPECT_EQ(json["sample"], 8);
  ASSERT_EQ(json["rows"].size(), kRows);
  EXPECT_EQ(json["rows"][0]["cells"][0]["n"], 12);
  EXPECT_EQ(json["rows"][1]["cells"][0]["n"], 8);
  for (const std::size_t row : {0, 1}) EXPECT_EQ(json["rows"][row]["cells"][0]["accuracy"], 1);
  int64_t lost = 0;
  for (std::size_t row = 2; row < kRows; ++row) {
    const auto cell = json["rows"][row]["cells"][0];
    lost += cell["lost"].get<int64_t>();
    EXPECT_EQ(cell["gained"], 0);  // nothing was wrong before
    EXPECT_DOUBLE_EQ(cell["drop"].get<double>(), 1 - cell["accuracy"].get<double>());
  }
  EXPECT_GT(lost, 0);
  EXPECT_EQ(eval(command).out, ran.out);
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
  EXPECT_NE(table.out.find("all models can name shoe\n"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("JPEG"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("          -\n"), std::string::npos) << table.out;
}

TEST_F(Shift, OnlyPicturesThatEveryModelHasHeldBack) {
  kaggle(12);
  ModelInfo info = test::tiny_info();
  const uint64_t files = files_hash(open_dataset(folder_ / "set", {"kind"}).catalog);
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
  EXPECT_EQ(none.code, 3);
  EXPECT_NE(none.err.find("no picture was held back from every model"), std::string::npos) << none.err;
}

TEST_F(Shift, AHeldOutYearIsScoredByTheModelThatNeverSawIt) {
  kaggle(12);
  ModelInfo info = test::tiny_info();
  info.split = {.pictures = 12,
                .files = files_hash(open_dataset(folder_ / "set", {"kind"}).catalog),
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
  EXPECT_NE(eval(arguments + "year=year.safetensors").out.find("held out: year, by year.safetensors"),
            std::string::npos);
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
  EXPECT_EQ(ran.err.find("MODEL and DATA are required"), std::string::npos) << ran.err;
}

TEST_F(Shift, WhatIsOutOfTheOrdinaryStandsInTheHead) {
  kaggle(4);
  const Ran ran = eval("\"$MODEL\" set --head kind --split all --tta --bn-adapt");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("test-time augmentation"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("batch-norm statistics re-estimated"), std::string::npos) << ran.out;
  EXPECT_EQ(eval("\"$MODEL\" set --head kind --split all").out.find("augmentation"), std::string::npos);
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
}  // namespace pc
