// What people read of an epoch and at the end of a run.
#include "tools/train/messages.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pc::test {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

ModelInfo info_of(const std::vector<std::string>& heads) {
  ModelInfo info;
  for (const std::string& name : heads) info.heads.push_back({.name = name, .labels = {"a", "b"}});
  return info;
}

const json kEpoch = json::parse(R"({"epoch": 2, "img_per_s": 811.6,
  "train": {"kind": {"loss": 0.33249, "accuracy": 0.98951}, "Farbe": {"loss": 1.5, "accuracy": 0.25}},
  "val": {"kind": {"loss": 0.0689}, "Farbe": {"loss": 2}}})");

// Of so many images: `correct` right, `most` of the most frequent label.
evaluate::HeadScore score(const std::string& name, int correct, int most, int of = 10) {
  evaluate::HeadScore s{.name = name, .classes = 2, .confusion = std::vector<int64_t>(4)};
  for (int i = 0; i < of; ++i) {
    const int32_t truth = i < most ? 0 : 1;
    s.add(truth, i < correct ? truth : 1 - truth);
  }
  return s;
}

TEST(Messages, AnEpochOfOneHeadIsALine) {
  EXPECT_EQ(train::epoch_lines(kEpoch, info_of({"kind"}), 10, 65.4, {score("kind", 9, 6)}),
            Lines{"epoch 2/10: 812 img/s, 1:05 left | kind loss 0.332 accuracy 0.990, val loss 0.069 accuracy 0.9000 "
                  "(majority 0.6000)"});
  EXPECT_EQ(train::epoch_lines(kEpoch, info_of({"kind"}), 2, 0, {}),
            Lines{"epoch 2/2: 812 img/s | kind loss 0.332 accuracy 0.990"});
}

TEST(Messages, SeveralHeadsHaveALineEachInTheModelsOrder) {
  EXPECT_EQ(
      train::epoch_lines(kEpoch, info_of({"kind", "Farbe"}), 10, 3600, {score("kind", 9, 6), score("Farbe", 1, 5)}),
      (Lines{"epoch 2/10: 812 img/s, 1:00:00 left",
             "  kind  loss 0.332 accuracy 0.990, val loss 0.069 accuracy 0.9000 (majority 0.6000)",
             "  Farbe loss 1.500 accuracy 0.250, val loss 2.000 accuracy 0.1000 (majority 0.5000)"}));
}

// Wilson's interval of 9 of 10, computed by hand: (0.9 + 0.19207 ± 0.16745...) / 1.38415.
TEST(Messages, AnAccuracyHasItsInterval) {
  EXPECT_EQ(train::accuracy_line({score("kind", 9, 6), score("none", 0, 0, 0)}),
            "test accuracy: kind 90.0 % (59.6 … 98.2), none unknown");
}

}  // namespace
}  // namespace pc::test
