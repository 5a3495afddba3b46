// pceval on small data sets whose right answers are known.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "data/split.h"
#include "kernels/base/file.h"
#include "tests/predict/fixture.h"
#include "tools/evaluate/score.h"

namespace pc::predict {
namespace {

using namespace test;

class PcEval : public testing::Test {
 protected:
  std::string said(int seed, std::size_t head) { return test::said(predictor_, seed, head); }
  std::string other_than(const std::string& label) { return label == "a" ? "b" : "a"; }
  // Pictures 0 … labels-1 in the Kaggle layout.
  void kaggle(const std::vector<std::string>& kinds, const std::vector<std::string>& colors) {
    std::string csv = "id,kind,colour,productDisplayName\n";
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      csv += fmt::format("{},{},{},name\n", 100 + i, kinds[i], colors[i]);
      write_text(folder_ / fmt::format("set/images/{}.png", 100 + i), png_of(make_picture(int(i))));
    }
    write_text(folder_ / "set/styles.csv", csv);
  }
  Ran eval(const std::string& arguments) { return shell(folder_.path(), "\"$BIN/pceval\" \"$MODEL\" " + arguments); }

  TemporaryFolder folder_;
  Predictor predictor_{tiny_model(), {}};
};

// Labels are compared as people do.
TEST_F(PcEval, LettersAndBlanksDoNotMakeAnotherLabel) {
  kaggle({" " + said(0, 0), std::string(1, char(std::toupper(said(1, 0)[0]))), said(2, 0) + "  "},
         {"Red", "GREEN", "x"});
  const auto json = eval("set --json").lines().at(0);
  EXPECT_EQ(json["heads"]["kind"]["n"], 3);
  EXPECT_EQ(json["heads"]["kind"]["accuracy"], 1);
  EXPECT_EQ(json["heads"]["colour"]["n"], 2);
}

TEST_F(PcEval, LabelsChoosesTheColumns) {
  kaggle({said(0, 0)}, {said(0, 1)});
  const auto json = eval("set --json --labels colour").lines().at(0);
  EXPECT_EQ(json["heads"].size(), 1u);
  EXPECT_TRUE(json["heads"].contains("colour"));
  const Ran unknown = eval("set --labels size");
  EXPECT_TRUE(ended(unknown, 2, "kind, colour"));
}

TEST_F(PcEval, ADataSetWithoutAnyColumnOfTheModelIsRefused) {
  write_text(folder_ / "set/styles.csv", "id,season\n1,Summer\n");
  write_text(folder_ / "set/images/1.png", png_of(make_picture(1)));
  const Ran ran = eval("set");
  EXPECT_TRUE(ended(ran, 3, "season"));
}

TEST_F(PcEval, AFolderPerClassNeedsItsHead) {
  write_text(folder_ / ("tree/" + said(0, 0) + "/0.png"), png_of(make_picture(0)));
  write_text(folder_ / "tree/sari/1.png", png_of(make_picture(1)));
  EXPECT_EQ(eval("tree").code, 2);
  const auto json = eval("tree --head kind --json").lines().at(0);
  EXPECT_EQ(json["heads"]["kind"]["n"], 1);
  EXPECT_EQ(json["heads"]["kind"]["unknown"], 1);
  EXPECT_EQ(json["heads"]["kind"]["accuracy"], 1);
}

TEST_F(PcEval, BadPicturesAreCountedAndNamed) {
  kaggle({said(0, 0), said(1, 0)}, {"red", "red"});
  write_text(folder_ / "set/images/101.png", "");
  const Ran ran = eval("set --json");
  EXPECT_TRUE(ended(ran, 0, "empty file"));
  EXPECT_EQ(ran.lines().at(0)["n"], 1);
  EXPECT_EQ(ran.lines().at(0)["bad"], 1);
}

TEST_F(PcEval, TestPicturesOfAnUnknownSplitAreRefused) {
  kaggle({"a", "b"}, {"red", "green"});
  const Ran ran = eval("set --split test");
  EXPECT_TRUE(ended(ran, 3, "--split all"));
}

TEST_F(PcEval, TheSplitThatComesWithTheDataIsUsed) {
  write_text(folder_ / "tree/train/a/0.png", png_of(make_picture(0)));
  write_text(folder_ / "tree/train/b/1.png", png_of(make_picture(1)));
  write_text(folder_ / "tree/test/a/2.png", png_of(make_picture(2)));
  EXPECT_EQ(eval("tree --head kind --split test --json").lines().at(0)["n"], 1);
  EXPECT_EQ(eval("tree --head kind --json").lines().at(0)["n"], 3);
}

TEST_F(PcEval, RareClassesCanBeLeftOut) {
  kaggle({"a", "a", "a", "b", "b", "c"}, std::vector<std::string>(6, "red"));
  const auto counted = [&](const std::string& options) {
    return eval("set --labels kind --json " + options).lines().at(0)["heads"]["kind"];
  };
  EXPECT_EQ(counted("")["n"], 6);
  EXPECT_EQ(counted("--min-count 2")["n"], 5);
  EXPECT_EQ(counted("--min-count 2")["unknown"], 1);
  EXPECT_EQ(counted("--min-count 3")["n"], 3);
}

TEST_F(PcEval, TheTrainingRunsTestPicturesAreFoundAgain) {
  std::vector<std::string> kinds, colors;
  for (int i = 0; i < 24; ++i) {
    kinds.push_back(i < 11 ? "a" : i < 22 ? "b" : "rare");
    colors.push_back(i % 2 ? "red" : "green");
  }
  kaggle(kinds, colors);
  ModelInfo info = tiny_info();
  const data::Catalog catalog = data::open_dataset(folder_ / "set", {"kind"}).catalog;
  const std::vector<std::size_t> expected{2, 3, 11, 22};
  info.split = {
      .pictures = 24, .files = data::files_hash(catalog), .test = {2, 3, 11, 22}, .min_counts = {3, 1}, .rare = "drop"};
  const evaluate::ScorePlan plan = evaluate::plan_score(folder_ / "set", info, {.test_only = true});
  EXPECT_EQ(plan.items, expected);
  EXPECT_EQ(plan.data.catalog.classes[0], (std::vector<std::string>{"a", "b"}));  // folded as in training
  EXPECT_EQ(evaluate::plan_score(folder_ / "set", info, {.labels = {"colour"}, .test_only = true}).items, expected);
  info.split->files ^= 1;
  EXPECT_THROW(evaluate::plan_score(folder_ / "set", info, {.test_only = true}), Error);
  EXPECT_EQ(evaluate::plan_score(folder_ / "set", info, {}).items.size(), 24u);
  info.split->files ^= 1;
  info.split->pictures = 25;
  EXPECT_THROW(evaluate::plan_score(folder_ / "set", info, {.test_only = true}), Error);
  EXPECT_EQ(evaluate::plan_score(folder_ / "set", info, {}).items.size(), 24u);
}

// The model's own data set: its test images are scored, and what it has seen is said.
TEST_F(PcEval, WhatTheModelHasSeenIsSaid) {
  kaggle(std::vector<std::string>(12, "a"), std::vector<std::string>(12, "red"));
  LoadedModel loaded = load_model(tiny_model());
  const auto files = data::files_hash(data::open_dataset(folder_ / "set", {"kind"}).catalog);
  loaded.info.split = SplitRecord{.pictures = 12, .files = files, .test = {2, 3, 11}, .min_counts = {1, 1}};
  std::filesystem::create_directories(folder_ / "run");
  save_model(folder_ / "run/model.safetensors", loaded.info, *loaded.model);
  const auto score = [&](const std::string& arguments) {
    return shell(folder_.path(), "\"$BIN/pceval\" run/model.safetensors set --json " + arguments);
  };
  const Ran own = score("");
  EXPECT_EQ(own.lines().at(0)["n"], 3) << own.err;
  EXPECT_EQ(own.lines().at(0)["trained_on"], 0);
  EXPECT_HAS(own.err,
             "pceval: run/model.safetensors was trained on set: of its 12 images, the 3 test images are scored; "
             "--split all scores all\n");
  EXPECT_EQ(own.err.find("data: "), 0u) << "what the data was taken to be";
  EXPECT_EQ(score("--split test").lines().at(0)["n"], 3);
  const Ran all = score("--split all");
  EXPECT_EQ(all.lines().at(0)["n"], 12);
  EXPECT_EQ(all.lines().at(0)["trained_on"], 9);
  EXPECT_HAS(all.err, "was trained or validated on 9 of the 12 images scored; --split test scores the others");
  write_text(folder_ / "set/images/99.png", png_of(make_picture(40)));
  write_text(folder_ / "set/styles.csv", read_file(folder_ / "set/styles.csv") + "99,a,red,name\n");
  const Ran grown = score("");
  EXPECT_EQ(grown.lines().at(0)["n"], 13);
  EXPECT_TRUE(grown.lines().at(0)["trained_on"].is_null());
  EXPECT_HAS(grown.err, "set is not the data set that run/model.safetensors was trained on (it had 12 images); all 13");
  write_text(folder_ / "run/split.csv",
             "file,split,group\nimages/100.png,train,\nimages/101.png,val,\nimages/102.png,test,\n");
  const Ran listed = score("");
  EXPECT_EQ(listed.lines().at(0)["trained_on"], 2);
  EXPECT_HAS(listed.err, "2 of the 13 images scored have the names of images that trained or validated it");
  const Ran unknown = eval("set --json");
  EXPECT_TRUE(unknown.lines().at(0)["trained_on"].is_null());
  EXPECT_HAS(unknown.err, "does not say which images it was trained on; 13 of set are scored");
}

TEST_F(PcEval, AModelIsCalibratedOnOtherPictures) {
  std::vector<std::string> kinds, colors;
  for (int i = 0; i < 110; ++i) {
    kinds.push_back(i % 4 ? said(i, 0) : other_than(said(i, 0)));
    colors.push_back("");
  }
  kaggle(kinds, colors);
  const Ran ran = eval("set --labels kind --calibrate own.safetensors --json");
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_HAS(ran.err, "own.safetensors: calibrated on 110 images\n");
  const LoadedModel after = load_model(folder_ / "own.safetensors");
  ASSERT_TRUE(after.info.calibration);
  EXPECT_NE(after.info.calibration->heads[0].temperature, 1);
  EXPECT_EQ(after.info.calibration->heads[1].temperature, 1) << "no colour is labelled";
  ASSERT_EQ(after.info.calibration->heads[1].thresholds.size(), 3u);
  for (const double p : after.info.calibration->heads[1].thresholds[0].of_label) EXPECT_TRUE(std::isinf(p));
  ASSERT_TRUE(after.info.calibration->novelty);
  const WeightFile a = read_safetensors(tiny_model()), b = read_safetensors(folder_ / "own.safetensors");
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (std::size_t t = 0; t < a.tensors.size(); ++t)
    EXPECT_EQ(std::memcmp(a.tensors[t].data, b.tensors[t].data, a.tensors[t].bytes()), 0) << a.tensors[t].name;
  const auto again = shell(folder_.path(), "\"$BIN/pceval\" own.safetensors set --labels kind --json").lines().at(0);
  EXPECT_EQ(again["heads"]["kind"]["accuracy"], ran.lines().at(0)["heads"]["kind"]["accuracy"]);
  EXPECT_LE(again["verdicts"]["not a product"].get<int>(), 2) << "1 % of the images";
  EXPECT_EQ(eval("set --calibrate own.safetensors --map map.csv").code, 2);
  EXPECT_EQ(eval("set --calibrate own.safetensors --tta").code, 2);
}

TEST_F(PcEval, ThePageShowsTheFiguresAndTheMistakes) {
  kaggle({said(0, 0), said(1, 0), other_than(said(2, 0)), "sari"}, {said(0, 1), said(1, 1), said(2, 1), ""});
  const Ran ran = eval("set --report page.html");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string page = read_file(folder_ / "page.html");
  EXPECT_HAS(page, "66.7\u00a0%") << "2 of 3";
  EXPECT_HAS(page, fmt::format("<b>{}</b> taken for <b>{}</b>: 1 of", other_than(said(2, 0)), said(2, 0)));
  EXPECT_HAS(page, "images/102.png");
  EXPECT_HAS(page, "data:image/jpeg");
  EXPECT_LACKS(page, "http") << "it needs nothing but itself";
  EXPECT_EQ(eval("set --shift --report page.html").code, 2);
  EXPECT_EQ(eval("set --report no/such/folder/page.html").code, 4);
}

TEST_F(PcEval, ThePageOfAMappedSetSpeaksOfItsClasses) {
  write_text(folder_ / "photos/top/0.png", png_of(make_picture(0)));
  write_text(folder_ / "photos/coat/1.png", png_of(make_picture(1)));
  write_text(folder_ / "map.csv", fmt::format("class,label\ntop,{}\ncoat,{}\n", said(0, 0), other_than(said(1, 0))));
  const Ran ran = eval("photos --head kind --map map.csv --report page.html");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string page = read_file(folder_ / "page.html");
  EXPECT_HAS(page, "50.0\u00a0%");
  EXPECT_HAS(page, "<b>coat</b> taken for <b>");
  EXPECT_HAS(page, fmt::format("<span class=\"bad\">{} ", said(1, 0))) << "the model's own word";
}

TEST_F(PcEval, MissingFilesAndArgumentsHaveTheirCodes) {
  EXPECT_EQ(eval("").code, 2);
  EXPECT_EQ(eval("nowhere").code, 4);
  EXPECT_EQ(shell(folder_.path(), "\"$BIN/pceval\" nowhere.safetensors .").code, 4);
}

}  // namespace
}  // namespace pc::predict
