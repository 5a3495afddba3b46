// The recipes of pctrain: heads first, the best epoch kept, more epochs asked for later, a limit of time.
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/safetensors.h"
#include "kernels/base/file.h"
#include "models/classifier.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

using nlohmann::json;

class Recipes : public testing::Test {
 protected:
  void SetUp() override { make_colors(folder_ / "colours", 20); }
  Outcome train(const std::string& name, const std::vector<std::string>& settings, int kill_after_ms = -1) {
    std::vector<std::string> a = train_arguments(folder_.path(), folder_ / "colours", name);
    for (const std::string& s : settings) a.insert(a.end(), {"--set", s});
    return run_program("pctrain", a, kill_after_ms, SIGKILL);
  }
  std::filesystem::path model(const std::string& name) const { return folder_ / "runs" / name / "model.safetensors"; }
  std::vector<json> events(const std::string& name, const std::string& kind) const {
    std::ifstream file(folder_ / "runs" / name / "metrics.jsonl");
    std::vector<json> found;
    for (std::string line; std::getline(file, line);)
      if (json event = json::parse(line); event["event"] == kind) found.push_back(event);
    return found;
  }
  // Names of the tensors that differ between two model files.
  std::vector<std::string> changed(const std::filesystem::path& a, const std::filesystem::path& b) const {
    std::vector<std::string> names;
    const WeightFile before = read_safetensors(a), after = read_safetensors(b);
    for (const FileTensor& t : before.tensors)
      if (std::memcmp(t.data, after.find(t.name)->data, t.bytes()) != 0) names.push_back(t.name);
    return names;
  }

  TemporaryFolder folder_;
};

TEST_F(Recipes, HeadsLearnAloneFirst) {
  ASSERT_EQ(train("start", {"train.epochs=1"}).code, 0);
  const std::string weights = "model.weights=" + model("start").string();
  ASSERT_EQ(train("heads", {weights, "train.epochs=1", "train.head_epochs=1"}).code, 0);
  for (const std::string& name : changed(model("start"), model("heads"))) EXPECT_TRUE(is_head(name)) << name;
  EXPECT_EQ(changed(model("start"), model("heads")).size(), 2u);  // weight and bias
  ASSERT_EQ(train("then_all", {weights, "train.epochs=2", "train.head_epochs=1"}).code, 0);
  EXPECT_EQ(changed(model("start"), model("then_all")).size(), 102u);
}

TEST_F(Recipes, HeadsFirstResumesBitForBit) {
  const std::vector<std::string> settings{"train.head_epochs=1", "train.save_every=1"};
  ASSERT_EQ(train("whole", settings).code, 0);
  int killed = 0;
  for (int wait : {400, 700, 300, 900, 500, 600}) killed += train("torn", settings, wait).code == 128 + SIGKILL;
  EXPECT_GT(killed, 0);
  ASSERT_EQ(train("torn", settings).code, 0);
  EXPECT_TRUE(read_file(model("torn")) == read_file(model("whole")));
}

TEST_F(Recipes, StagesJoinFromTheHeadsDown) {
  ASSERT_EQ(train("start", {"train.epochs=1"}).code, 0);
  const std::string weights = "model.weights=" + model("start").string();
  ASSERT_EQ(train("layer4", {weights, "train.epochs=2", "train.head_epochs=1", "train.unfreeze_epochs=1"}).code, 0);
  for (const std::string& name : changed(model("start"), model("layer4")))
    EXPECT_TRUE(is_head(name) || name.starts_with("layer4.")) << name;
  EXPECT_EQ(changed(model("start"), model("layer4")).size(),
            27u);  // 2 of the head, 5 of each of 5 convolutions with their norms
}

TEST_F(Recipes, EverythingAtOnceResumesBitForBit) {
  const std::vector<std::string> settings{"train.save_every=1",   "train.ema=0.9",        "train.accumulate=2",
                                          "train.batch=4",        "augment.mixup=0.4",    "augment.cutmix=1",
                                          "augment.background=1", "augment.rotate=20",    "augment.erase=0.5",
                                          "augment.contrast=0.3", "augment.max_area=1.5", "train.optimizer=adamw",
                                          "train.lr=0.001",       "augment.trivial=0.5"};
  ASSERT_EQ(train("whole", settings).code, 0);
  int killed = 0;
  for (int wait : {400, 700, 300, 900, 500, 600}) killed += train("torn", settings, wait).code == 128 + SIGKILL;
  EXPECT_GT(killed, 0);
  ASSERT_EQ(train("torn", settings).code, 0);
  EXPECT_TRUE(read_file(model("torn")) == read_file(model("whole")));
}

// A frozen body's norms use their running statistics, so two half batches give the step of the whole one but for the
// order of sums.
TEST_F(Recipes, AccumulatedBatchesMakeOneStep) {
  const std::vector<std::string> common{"train.epochs=1", "train.head_epochs=1", "augment.flip=0", "augment.min_area=1",
                                        "augment.max_stretch=1"};
  auto whole = common, halves = common;
  whole.push_back("train.batch=8");
  halves.insert(halves.end(), {"train.batch=4", "train.accumulate=2"});
  const std::string start = "model.weights=" + (train("start", {"train.epochs=1"}), model("start")).string();
  ASSERT_EQ(train("whole", (whole.push_back(start), whole)).code, 0);
  ASSERT_EQ(train("halves", (halves.push_back(start), halves)).code, 0);
  EXPECT_EQ(events("whole", "epoch").size(), events("halves", "epoch").size());
  const WeightFile a = read_safetensors(model("whole")), b = read_safetensors(model("halves"));
  for (const char* name : {"fc.weight", "fc.bias"}) {
    const auto x = a.find(name)->tensor().to_vector<float>(), y = b.find(name)->tensor().to_vector<float>();
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 2e-3) << name << " " << i;
  }
}

// Nothing learns, so the loss of an epoch is the mean over the pictures that it saw, whatever the batches.
TEST_F(Recipes, TheLastStepTakesTheRest) {
  ASSERT_EQ(train("start", {"train.epochs=1"}).code, 0);
  const auto loss = [&](const std::string& name, const std::string& batch, const std::string& drop) {
    const auto outcome =
        train(name, {"model.weights=" + model("start").string(), "train.epochs=1", "train.head_epochs=1", "train.lr=0",
                     "augment.flip=0", "augment.min_area=1", "augment.max_stretch=1", "train.accumulate=2",
                     "train.batch=" + batch, "train.drop_last=" + drop});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return events(name, "epoch").at(0)["train"].begin().value()["loss"].get<double>();
  };
  const double all = loss("by_7", "7", "no");
  EXPECT_NEAR(loss("by_5", "5", "no"), all, 1e-5);
  EXPECT_NEAR(loss("by_9", "9", "no"), all, 1e-5);
  EXPECT_GT(std::abs(loss("dropped", "9", "yes") - all), 1e-4);
}

TEST_F(Recipes, TheRestResumesBitForBit) {
  const std::vector<std::string> settings{"train.save_every=1", "train.batch=5",     "train.accumulate=2",
                                          "augment.cutmix=1",   "augment.erase=0.5", "train.drop_last=no"};
  ASSERT_EQ(train("whole", settings).code, 0);
  int killed = 0;
  for (int wait : {400, 700, 300, 900}) killed += train("torn", settings, wait).code == 128 + SIGKILL;
  EXPECT_GT(killed, 0);
  ASSERT_EQ(train("torn", settings).code, 0);
  EXPECT_TRUE(read_file(model("torn")) == read_file(model("whole")));
}

TEST_F(Recipes, TheRunningAverageIsTheResult) {
  ASSERT_EQ(train("last", {}).code, 0);
  ASSERT_EQ(train("average", {"train.ema=0.9"}).code, 0);
  EXPECT_EQ(changed(model("last"), model("average")).size(), 102u);  // same steps, other result
  EXPECT_EQ(events("last", "epoch").back()["train"], events("average", "epoch").back()["train"]);
}

TEST_F(Recipes, PatienceKeepsTheBestEpoch) {
  const Outcome outcome = train(
      "patient", {"train.epochs=8", "train.patience=2", "train.lr=0.05", "train.schedule=constant", "data.val=0.3"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto epochs = events("patient", "epoch");
  std::size_t best = 0;
  const auto accuracy = [&](std::size_t i) { return epochs[i]["val"]["label"]["accuracy"].get<double>(); };
  for (std::size_t i = 0; i < epochs.size(); ++i)
    if (accuracy(i) > accuracy(best)) best = i;
  EXPECT_EQ(events("patient", "test").front()["epoch"], best + 1);
  EXPECT_TRUE(epochs.size() == 8 || epochs.size() == best + 3) << epochs.size() << " epochs, best " << best + 1;
}

TEST_F(Recipes, MoreEpochsGoOnFromAFinishedRun) {
  ASSERT_EQ(train("more", {}).code, 0);
  const std::string before = read_file(model("more"));
  const Outcome longer = train("more", {"train.epochs=3"});
  ASSERT_EQ(longer.code, 0) << longer.err;
  EXPECT_EQ(events("more", "epoch").size(), 3u);
  EXPECT_NE(read_file(model("more")), before);
  const Outcome again = train("more", {"train.epochs=3"});
  EXPECT_NE(again.err.find("nothing to do"), std::string::npos) << again.err;
  const Outcome fewer = train("more", {"train.epochs=1"});
  EXPECT_EQ(fewer.code, 2);
  EXPECT_NE(fewer.err.find("train.epochs was 3 and is now 1"), std::string::npos) << fewer.err;
}

TEST_F(Recipes, TheTimeLimitEndsTheRunWithItsEpoch) {
  const Outcome outcome = train("short", {"train.epochs=50", "train.max_minutes=0.0001"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(events("short", "epoch").size(), 1u);
  EXPECT_EQ(events("short", "test").size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(model("short")));
}

TEST_F(Recipes, PatienceNeedsValidationPictures) {
  const Outcome outcome = train("blind", {"train.patience=2", "data.val=0"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("needs validation pictures"), std::string::npos) << outcome.err;
}

TEST(Stages, CountFromTheHeads) {
  const std::pair<const char*, int> members[] = {
      {"fc.weight", 0},         {"heads.articleType.bias", 0}, {"layer4.1.conv2.weight", 1},
      {"layer1.0.bn1.bias", 4}, {"conv1.weight", 5},           {"bn1.weight", 5}};
  for (const auto& [name, stages] : members) EXPECT_EQ(stages_above(name), stages) << name;
}

}  // namespace
}  // namespace pc::test
