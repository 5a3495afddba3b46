// Scores by hand: accuracy, macro-F1 over the classes that occur, the majority baseline.
#include "tools/evaluate/head_score.h"

#include <gtest/gtest.h>

#include "tools/run/train_config.h"

namespace pc {
namespace {

HeadScore score_of(int classes, const std::vector<std::pair<int, int>>& truth_and_prediction) {
  HeadScore score{
      .name = "head", .classes = classes, .confusion = std::vector<int64_t>(std::size_t(classes * classes))};
  for (const auto& [truth, prediction] : truth_and_prediction) score.add(truth, prediction);
  return score;
}

TEST(HeadScore, CountsByHand) {
  // Class 0: 3 pictures, 2 found, 1 wrongly claimed: F1 = 2*2/(3+3). Class 1: 2 pictures, 1 found, 1 claimed wrongly: F1 = 2*1/(2+2).
  const HeadScore s = score_of(2, {{0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 0}});
  EXPECT_EQ(s.n(), 5);
  EXPECT_DOUBLE_EQ(s.accuracy(), 0.6);
  EXPECT_DOUBLE_EQ(s.macro_f1(), (4.0 / 6 + 2.0 / 4) / 2);
  EXPECT_DOUBLE_EQ(s.majority(), 0.6);
}

TEST(HeadScore, ClassesWithoutPicturesDoNotCount) {
  const HeadScore s = score_of(4, {{0, 0}, {3, 3}});
  EXPECT_DOUBLE_EQ(s.macro_f1(), 1.0);
}

TEST(HeadScore, NothingToScore) {
  const HeadScore s = score_of(3, {});
  EXPECT_EQ(s.accuracy(), 0);
  EXPECT_EQ(s.macro_f1(), 0);
  EXPECT_EQ(s.majority(), 0);
}

// Two true classes, three predictions: 0 is right for the first class, 0 and 1 for the second.
TEST(HeadScore, SeveralPredictionsMayBeRight) {
  HeadScore s{.name = "head", .classes = 3, .confusion = std::vector<int64_t>(6), .right = {{0}, {0, 1}}};
  for (const auto& [truth, prediction] : {std::pair{0, 0}, {0, 1}, {0, 2}, {0, 0}, {1, 0}, {1, 1}})
    s.add(truth, prediction);
  EXPECT_EQ(s.pictures(0), 4);
  EXPECT_EQ(s.hits(0), 2);
  EXPECT_EQ(s.claims(0), 0);  // the second class may be called 0
  EXPECT_EQ(s.claims(1), 1);
  EXPECT_DOUBLE_EQ(s.accuracy(), 4.0 / 6);
  EXPECT_DOUBLE_EQ(s.mean_recall(), 0.75);
  EXPECT_DOUBLE_EQ(s.macro_f1(), (4.0 / 6 + 4.0 / 5) / 2);
  EXPECT_DOUBLE_EQ(s.majority(), 1);  // always naming 0
}

TEST(HeadScore, NothingCountedIsBlank) {
  const auto json = to_json({score_of(2, {})})["head"];
  for (const char* key : {"accuracy", "low", "high", "macro_f1", "majority"}) EXPECT_TRUE(json[key].is_null()) << key;
  EXPECT_EQ(json["n"], 0);
  EXPECT_NE(to_table({score_of(2, {})}).find("        -  -"), std::string::npos);
}

TEST(TrainConfig, EveryKeyRoundTrips) {
  TrainConfig a, b;
  a.data.labels = {"x", "y"};
  a.train.lr = 0.1234567890123;
  a.augment.flip = 0;
  for (const ConfigKey& key : a.keys())
    for (const ConfigKey& other : b.keys())
      if (key.section == other.section && key.key == other.key) other.set(key.get());
  EXPECT_EQ(to_ini(a.keys(), false), to_ini(b.keys(), false));
}

TEST(TrainConfig, EveryKeyHasAMeaning) {
  TrainConfig config;
  for (const ConfigKey& key : config.keys()) EXPECT_FALSE(key.help.empty()) << key.section << "." << key.key;
}

// A run writes its keys to config.ini and reads them again.
TEST(TrainConfig, TextsThatConfigIniCannotHoldAreRefused) {
  TrainConfig config;
  const auto keys = config.keys();
  const auto set = [&](const std::string& name, const std::string& text) {
    for (const ConfigKey& key : keys)
      if (key.section + "." + key.key == name) key.set(text);
  };
  EXPECT_NO_THROW(set("data.root", std::string(180, 'x')));
  EXPECT_THROW(set("data.root", std::string(181, 'x')), std::invalid_argument);
  EXPECT_THROW(set("data.root", "a ;b"), std::invalid_argument);
  EXPECT_THROW(set("data.root", "a\nb"), std::invalid_argument);
  EXPECT_THROW(set("data.labels", "a,;b"), std::invalid_argument);
  std::string many;
  for (int i = 0; i < 70; ++i) many += "xy,";  // 210 characters
  EXPECT_THROW(set("data.labels", many), std::invalid_argument);
}

TEST(TrainConfig, HeadWeightsMustMatchTheLabels) {
  TrainConfig config;
  config.data.labels = {"a", "b"};
  EXPECT_EQ(config.head_weights(), (std::vector<float>{1, 1}));
  config.train.head_weights = {"0.5", "2"};
  EXPECT_EQ(config.head_weights(), (std::vector<float>{0.5f, 2}));
  config.train.head_weights = {"0.5"};
  EXPECT_EQ(config.head_weights(), (std::vector<float>{0.5f, 0.5f}));
  config.train.head_weights = {"0.5", "1", "2"};
  EXPECT_ANY_THROW(config.head_weights());
  config.train.head_weights = {"0.5", "x"};
  EXPECT_ANY_THROW(config.head_weights());
}

}  // namespace
}  // namespace pc
