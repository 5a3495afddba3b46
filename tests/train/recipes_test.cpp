// The recipes of pctrain: what resumes, more epochs asked for later, a limit of time. What they compute: reference_test.cpp.
#include <csignal>
#include <nlohmann/json.hpp>

#include "engine/safetensors_write.h"
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
  std::size_t count(const std::string& name, const std::string& kind) const {
    return events_of(folder_ / "runs" / name, kind).size();
  }
  TemporaryFolder folder_;
};

TEST_F(Recipes, AllResumeBitForBit) {
  const std::vector<std::string> recipes[] = {
      {"train.head_epochs=1"},
      {"train.batch=5", "train.accumulate=2", "train.drop_last=no", "augment.cutmix=1", "augment.erase=0.5"},
      {"train.ema=0.9", "train.accumulate=2", "train.batch=4", "train.optimizer=adamw", "train.lr=0.001",
       "augment.mixup=0.4", "augment.cutmix=1", "augment.background=1", "augment.rotate=20", "augment.erase=0.5",
       "augment.contrast=0.3", "augment.max_area=1.5", "augment.trivial=0.5"}};
  for (std::vector<std::string> settings : recipes) {
    settings.push_back("train.save_every=1");
    std::filesystem::remove_all(folder_ / "runs");
    EXPECT_TRUE(survives_kills(folder_ / "runs", [&](const std::string& name, int wait) {
      return train(name, settings, wait);
    })) << settings[0];
  }
}

TEST_F(Recipes, MoreEpochsGoOnFromAFinishedRun) {
  ASSERT_EQ(train("more", {}).code, 0);
  const std::string before = read_file(model("more"));
  const Outcome longer = train("more", {"train.epochs=3"});
  ASSERT_EQ(longer.code, 0) << longer.err;
  EXPECT_EQ(count("more", "epoch"), 3u);
  EXPECT_FALSE(read_file(model("more")) == before);
  const Outcome again = train("more", {"train.epochs=3"});
  EXPECT_HAS(again.err, "nothing to do");
  const Outcome fewer = train("more", {"train.epochs=1"});
  EXPECT_TRUE(ended(fewer, 2, "train.epochs was 3 and is now 1"));
}

// A checkpoint remembers how long it was trained; from the limit on no epoch begins.
TEST_F(Recipes, TheTimeLimitEndsTheRunWithItsEpoch) {
  const std::vector<std::string> limited{"model.architecture=smallcnn", "train.max_minutes=2"};
  auto with = [&](const std::string& epochs) {
    return (std::vector{limited[0], limited[1], "train.epochs=" + epochs});
  };
  ASSERT_EQ(train("short", with("1")).code, 0);
  const auto checkpoint = folder_ / "runs" / "short" / "last" / "checkpoint.safetensors";
  const auto after = [&](const char* seconds, const std::string& epochs) {
    WeightFile file = read_safetensors(checkpoint);
    json state = json::parse(file.metadata.at("pc.train"));
    state["seconds"] = json::parse(seconds);
    file.metadata["pc.train"] = state.dump();
    write_safetensors(checkpoint, file);
    const Outcome outcome = train("short", with(epochs));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return count("short", "epoch");
  };
  EXPECT_EQ(after("60.5", "2"), 2u);
  EXPECT_EQ(after("120", "3"), 2u);
  EXPECT_EQ(after("119.9999", "4"), 3u);
  EXPECT_EQ(count("short", "test"), 4u) << "each time the results are written";
}

TEST(Stages, CountFromTheHeads) {
  const std::pair<const char*, int> members[] = {
      {"fc.weight", 0},         {"heads.articleType.bias", 0}, {"layer4.1.conv2.weight", 1},
      {"layer1.0.bn1.bias", 4}, {"conv1.weight", 5},           {"bn1.weight", 5}};
  for (const auto& [name, stages] : members) EXPECT_EQ(stages_above(name), stages) << name;
}

}  // namespace
}  // namespace pc::test
