// A run is finished when its last result is written: what a kill or a disk kept from being written is written by the next run, to
// the bytes of a run that nobody disturbed. And a run that is refused leaves nothing.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "engine/safetensors.h"
#include "kernels/base/file.h"
#include "kernels/base/random.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

namespace fs = std::filesystem;

class Finish : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    make_colors(*folder_ / "colours", 20);
    whole_ = new Outcome(train({}));
    results_ = new std::map<std::string, std::string>(results());
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete whole_;
    delete results_;
  }
  void SetUp() override {
    ASSERT_EQ(whole_->code, 0) << whole_->err;
    ASSERT_TRUE(results_->contains("report.html") && results_->contains("confusion.csv"));
    fs::remove_all(run());
  }

  static std::vector<std::string> arguments(const std::vector<std::string>& more) {
    std::vector<std::string> a = train_arguments(folder_->path(), *folder_ / "colours", "run");
    a.insert(a.end(), {"--set", "model.architecture=smallcnn", "--set", "train.ema=0.9"});
    a.insert(a.end(), more.begin(), more.end());
    return a;
  }
  static Outcome train(const std::vector<std::string>& more, int kill_after_ms = -1) {
    return run_program("pctrain", arguments(more), kill_after_ms, SIGKILL);
  }
  static fs::path run() { return *folder_ / "runs" / "run"; }

  // What a run leaves, without the checkpoint and with times blanked.
  static std::map<std::string, std::string> results() {
    static const std::regex times("\"(seconds|trained_seconds|img_per_s)\":[^,}]*|<dt>training time</dt><dd>[^<]*");
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(run())) {
      const std::string name = entry.path().lexically_relative(run()).string();
      if (!entry.is_regular_file() || name.starts_with("last/") || name.starts_with("tensorboard/")) continue;
      files[name] = std::regex_replace(read_file(entry.path()), times, "");
    }
    return files;
  }
  static void expect_results() {
    const auto now = results();
    for (const auto& [name, text] : *results_)
      EXPECT_TRUE(now.contains(name) && now.at(name) == text)
          << name << (now.contains(name) ? " differs" : " is absent");
    for (const auto& [name, text] : now) EXPECT_TRUE(results_->contains(name)) << name << " is a stray file";
  }

  static inline TemporaryFolder* folder_;
  static inline Outcome* whole_;
  static inline std::map<std::string, std::string>* results_;
};

// Something in the way of a result ends the run at exactly that place.
TEST_F(Finish, ARunThatEndedAtAnyResultIsCompleted) {
  for (const char* name : {"model.safetensors", "held_back", "tensorboard", "report.html", "confusion.csv"}) {
    fs::remove_all(run());
    fs::create_directories(run());
    if (std::string(name) == "held_back" || std::string(name) == "tensorboard")
      write_file_atomically(run() / name, "in the way");
    else
      fs::create_directory(run() / name);
    const Outcome disturbed = train({});
    EXPECT_TRUE(ended(disturbed, 4, name)) << name;
    fs::remove_all(run() / name);
    const Outcome again = train({});
    EXPECT_EQ(again.code, 0) << name << ": " << again.err;
    EXPECT_EQ(again.out, whole_->out) << name;
    expect_results();
  }
}

TEST_F(Finish, AResultThatIsAbsentIsWrittenAgain) {
  ASSERT_EQ(train({}).code, 0);
  for (const char* name : {"model.safetensors", "held_back", "tensorboard", "report.html", "confusion.csv"}) {
    fs::remove_all(run() / name);
    const Outcome again = train({});
    EXPECT_TRUE(ended(again, 0, "is trained; writing the results")) << name;
    EXPECT_LACKS(again.err, "epoch 2/2") << "no epoch is trained again";
    expect_results();
    EXPECT_TRUE(fs::exists(run() / "tensorboard/val/events.out.tfevents.pctrain"));
  }
  EXPECT_HAS(train({}).err, "nothing to do");
}

TEST_F(Finish, KilledAgainAndAgainItLeavesTheSameFiles) {
  for (int start = 0;; ++start) {
    ASSERT_LT(start, 30);
    const Outcome outcome = train({}, start < 20 ? 20 + int(philox(3, 0, uint64_t(start)).word[0] % 600) : -1);
    if (outcome.code == 0) break;
    ASSERT_EQ(outcome.code, 128 + SIGKILL) << outcome.err;
  }
  expect_results();
  for (const auto& entry : fs::recursive_directory_iterator(run()))
    EXPECT_LACKS(entry.path().string(), ".tmp.") << entry.path();
  EXPECT_FALSE(fs::exists(run() / ".lock"));
}

TEST_F(Finish, TemporariesOfAKilledRunAreSwept) {
  fs::create_directories(run() / "last");
  fs::create_directories(run() / "held_back");
  fs::create_directories(run() / "tensorboard/train");
  for (const char* name : {"last/checkpoint.safetensors.tmp.4194305", "last/best.safetensors.tmp.4194305",
                           "tensorboard/train/events.out.tfevents.pctrain.tmp.4194305", "report.html.tmp.4194305",
                           "held_back/x.png.tmp.4194305", "config.ini.tmp.4194305", "lr_find.csv.tmp.4194305"})
    write_file_atomically(run() / name, "half");
  write_file_atomically(run() / "metrics.jsonl", "{\"event\":\"start\"}\n{\"ev");
  write_file_atomically(run() / ".lock", "4194305");
  const Outcome outcome = train({});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  expect_results();
}

TEST_F(Finish, MoreEpochsAfterwardsKeepTheFirstTest) {
  ASSERT_EQ(train({}).code, 0);
  const std::string before = read_file(run() / "metrics.jsonl");
  const Outcome more = train({"--set", "train.epochs=3"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_TRUE(read_file(run() / "metrics.jsonl").starts_with(before));
}

TEST_F(Finish, LongLabelNamesDoNotEndARun) {
  const std::string name(240, 'x');
  make_colors(*folder_ / "long", 8);
  fs::rename(*folder_ / "long" / "red", *folder_ / "long" / name);
  const Outcome outcome = train(
      {"--set", "data.root=" + (*folder_ / "long").string(), "--set", "train.epochs=1", "--set", "data.test=0.4"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const fs::directory_iterator held_back(run() / "held_back");
  EXPECT_EQ(std::distance(begin(held_back), end(held_back)), 8);
}

TEST_F(Finish, ARefusedRunLeavesNothing) {
  make_colors(*folder_ / "one" / "data", 8);
  for (const char* name : {"green", "red"}) fs::remove_all(*folder_ / "one" / "data" / name);
  write_file_atomically(*folder_ / "page.pth", "<!DOCTYPE html>");
  const std::vector<std::string> refused{"data.root=" + (*folder_ / "one" / "data").string(),
                                         "data.root=/nowhere",
                                         "train.batch=512",
                                         "data.labels=colour",
                                         "data.sampling_head=colour",
                                         "data.split=year",
                                         "train.head_weights=1, 2",
                                         "train.device=cuda",
                                         "model.weights=imagenet",
                                         "model.weights=" + (*folder_ / "page.pth").string()};
  for (const std::string& setting : refused)
    for (const bool find : {false, true}) {
      std::vector<std::string> more{"--set", setting};
      if (find) more.push_back("--lr-find");
      fs::remove_all(*folder_ / "runs");
      const Outcome outcome = train(more);
      EXPECT_TRUE(outcome.code >= 2 && outcome.code <= 4) << setting << ": " << outcome.code << outcome.err;
      EXPECT_FALSE(fs::exists(*folder_ / "runs")) << setting;
      fs::create_directories(*folder_ / "runs");
      train(more);
      EXPECT_TRUE(fs::exists(*folder_ / "runs")) << "it was there before";
      EXPECT_FALSE(fs::exists(run())) << setting;
    }
}

TEST_F(Finish, ARefusedRunLeavesAnEarlierOneAsItIs) {
  ASSERT_EQ(train({}).code, 0);
  EXPECT_EQ(train({"--set", "train.lr=0.5"}).code, 2);
  EXPECT_EQ(train({"--set", "data.cache=/proc/none", "--set", "train.epochs=3"}).code, 4);
  expect_results();
}

// The weights overflow while loss and gradient are still finite; a checkpoint follows every step.
TEST_F(Finish, DivergedWeightsNeverReplaceTheLastGoodCheckpoint) {
  const std::vector<std::string> wild{"--set", "train.lr=1000",      "--set", "train.schedule=constant",
                                      "--set", "train.momentum=0",   "--set", "train.weight_decay=100",
                                      "--set", "train.save_every=1", "--set", "train.ema=0"};
  for (int start = 0; start < 2; ++start) {  // the second takes up the checkpoint of the first
    const Outcome outcome = train(wild);
    EXPECT_EQ(outcome.code, 7) << outcome.err;
    EXPECT_TRUE(std::regex_search(outcome.err, std::regex("step [0-9]+ .*values of model\\.[a-z0-9.]+ are not finite.*"
                                                          "lower train.lr \\(1000\\)")))
        << outcome.err;
    const WeightFile checkpoint = read_safetensors(run() / "last" / "checkpoint.safetensors");
    ASSERT_FALSE(checkpoint.tensors.empty());
    for (const FileTensor& t : checkpoint.tensors)
      for_each_value(t.type, t.data, t.size(), [&](auto value) { ASSERT_TRUE(std::isfinite(value)) << t.name; });
  }
}

// What cannot work is said before the data are read.
TEST_F(Finish, DeviceAndWeightsAreCheckedFirst) {
  const auto says = [&](const std::string& setting, int code, const std::string& message) {
    const Outcome outcome = train({"--set", setting});
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_LACKS(outcome.err, "data:");
    EXPECT_HAS(outcome.err, message);
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  };
  if (run_program("pctrain", {"--version"}).out.find("without CUDA") != std::string::npos)
    says("train.device=cuda", 2,
         "train.device = cuda: no usable CUDA device (pcdoctor says why); use train.device = cpu");
  const std::string fetch = "pcdata fetch resnet18 downloads weights trained on ImageNet";
  says("model.weights=imagenet", 4, "model.weights = imagenet: no such file; " + fetch);
  says("model.weights=IMAGENET1K_V1", 4, fetch);
  says("model.weights=" + (*folder_ / "gone.pth").string(), 4, "gone.pth: no such file; " + fetch);
  says("model.weights=https://download.pytorch.org/models/resnet18-f37072fd.pth", 2, "an address; download it");
  says("model.weights=" + (*folder_ / "colours").string(), 4, "directory");
  write_file_atomically(*folder_ / "page.pth", "<!DOCTYPE html>");
  says("model.weights=" + (*folder_ / "page.pth").string(), 3, "HTML");
}

// lr = 0 learns nothing; so does a data set whose labels have nothing to do with its pictures.
TEST_F(Finish, ARunThatLearnedNothingSaysSo) {
  const Outcome outcome = train({"--set", "train.lr=0"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(
      std::regex_search(outcome.err, std::regex("label: accuracy [0-9.]+ % is (no|not clearly) better than always "
                                                "answering \"(blue|green|red)\" \\(33.3 %\\)")))
      << outcome.err;
  EXPECT_HAS(outcome.err, "what may help: starting weights (pcdata fetch resnet18");
  EXPECT_HAS(read_file(run() / "report.html"), "better than always answering &#34;");
  fs::remove_all(run());
  const Outcome untested = train({"--set", "train.lr=0", "--set", "data.test=0"});
  EXPECT_HAS(untested.err, "better than always answering") << "by the validation images";
}

TEST_F(Finish, LrFindTakesSmallDataSetsAndSaysWhichRateToTake) {
  const Outcome outcome = train({"--lr-find"});
  EXPECT_EQ(outcome.code, 0) << "an epoch has 6 steps: " << outcome.err;
  EXPECT_TRUE(std::regex_match(outcome.out, std::regex("lr = [0-9.e-]+\n"))) << outcome.out;
  EXPECT_HAS(outcome.err, "this run has 0.02; use --lr ");
  std::vector<std::string> with = arguments({"--set", "train.epochs=1"});
  const std::string ini = read_file(with[0]);
  write_file_atomically(with[0], std::regex_replace(ini, std::regex("lr = .*\n"), outcome.out));
  EXPECT_EQ(run_program("pctrain", with).code, 0) << "the line is one for the file";
}

}  // namespace
}  // namespace pc::test
