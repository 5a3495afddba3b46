// pctrain as a person runs it: it stops and goes on bit for bit, and says clearly what is wrong.
#include <csignal>

#include "kernels/base/file.h"
#include "kernels/base/random.h"
#include "models/model_file.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

using nlohmann::json;

class Train : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    make_colors(*folder_ / "colours", 20);
    whole_ = new Outcome(run_program("pctrain", arguments("whole")));
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete whole_;
  }
  static std::vector<std::string> arguments(const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> a = train_arguments(folder_->path(), *folder_ / "colours", name);
    a.insert(a.end(), more.begin(), more.end());
    return a;
  }
  static std::filesystem::path run(const std::string& name) { return *folder_ / "runs" / name; }
  static std::vector<json> metrics(const std::string& name) {
    std::vector<json> events = events_of(run(name));
    for (json& event : events)
      for (const char* timing : {"seconds", "trained_seconds", "img_per_s"}) event.erase(timing);
    return events;
  }
  static std::string model(const std::string& name) { return read_file(run(name) / "model.safetensors"); }

  static inline TemporaryFolder* folder_;
  static inline Outcome* whole_;
};

TEST_F(Train, FinishesAndLeavesWhatItPromises) {
  ASSERT_EQ(whole_->code, 0) << whole_->err;
  EXPECT_HAS(whole_->out, "accuracy");
  for (const char* name : {"config.ini", "metrics.jsonl", "model.safetensors", "split.csv", "held_back", "last"})
    EXPECT_TRUE(std::filesystem::exists(run("whole") / name)) << name;
  const auto events = metrics("whole");
  std::vector<std::string> kinds;
  for (const json& event : events) kinds.push_back(event["event"]);
  std::vector<std::string> wanted{"start"};
  for (int epoch = 0; epoch < 2; ++epoch) {
    wanted.insert(wanted.end(), 5, "step");  // the sixth is the epoch's own event
    wanted.push_back("epoch");
  }
  wanted.insert(wanted.end(), {"calibration", "test"});
  EXPECT_EQ(kinds, wanted);
  EXPECT_EQ(events.back()["heads"]["label"]["n"], 6);
}

TEST_F(Train, ModelFileIsEnoughByItself) {
  const LoadedModel loaded = load_model(run("whole") / "model.safetensors");
  EXPECT_EQ(loaded.info.architecture, "resnet18");
  ASSERT_EQ(loaded.info.heads.size(), 1u);
  EXPECT_EQ(loaded.info.heads[0].labels, (std::vector<std::string>{"blue", "green", "red"}));
  EXPECT_EQ(loaded.info.preprocess.height, 32);
  EXPECT_TRUE(run_self_test(loaded, Device::cpu, DType::f32, "model.safetensors"));
}

// Another folder, time zone and locale, and one thread.
TEST_F(Train, SameSeedSameBitsElsewhere) {
  std::vector<std::string> words{
      "-C", "/", "TZ=Asia/Kathmandu", "LC_ALL=de_DE.UTF-8", "LANG=de_DE.UTF-8", PC_BIN_DIR "/pctrain"};
  for (const std::string& word : arguments("elsewhere", {"--set", "train.threads=1"})) words.push_back(word);
  const Outcome outcome = run_program("/usr/bin/env", words);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(model("elsewhere") == model("whole"));
  EXPECT_EQ(metrics("elsewhere"), metrics("whole"));
}

TEST_F(Train, FinishedRunHasNothingToDo) {
  const std::string before = read_file(run("whole") / "metrics.jsonl");
  const Outcome again = run_program("pctrain", arguments("whole"));
  EXPECT_TRUE(ended(again, 0, "nothing to do"));
  EXPECT_EQ(read_file(run("whole") / "metrics.jsonl"), before);
}

// Kills the run again and again at random moments until it ends by itself; every start goes on from the last checkpoint.
void survive(const std::vector<std::string>& arguments, int signal, uint64_t seed, int& interruptions) {
  interruptions = 0;
  for (int start = 0; start < 40; ++start) {
    const int wait = start < 12 ? 150 + int(philox(seed, 0, uint64_t(start)).word[0] % 900) : -1;
    const Outcome outcome = run_program("pctrain", arguments, wait, signal);
    if (outcome.code == 0) return;
    const bool expected = outcome.code == 75 || outcome.code == 128 + signal;
    ASSERT_TRUE(expected) << outcome.code << ": " << outcome.err;
    ++interruptions;
  }
  FAIL() << "never finished";
}

TEST_F(Train, ResumesBitForBitAfterSignals) {
  for (const auto& [name, signal] : {std::pair("sigterm", SIGTERM), {"sigkill", SIGKILL}}) {
    int interruptions = 0;
    survive(arguments(name), signal, uint64_t(signal), interruptions);
    EXPECT_GT(interruptions, 0);
    EXPECT_TRUE(model(name) == model("whole")) << name;
    EXPECT_EQ(metrics(name), metrics("whole"));
  }
}

TEST_F(Train, ChangedConfigurationIsNotResumed) {
  const Outcome other = run_program("pctrain", arguments("whole", {"--set", "train.lr=0.5"}));
  EXPECT_TRUE(ended(other, 2, "train.lr was 0.02 and is now 0.5"));
}

TEST_F(Train, FineTunesOnGivenWeights) {
  const std::string weights = "model.weights=" + (run("whole") / "model.safetensors").string();
  const Outcome outcome =
      run_program("pctrain", arguments("tuned", {"--set", weights, "--set", "model.freeze=backbone"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_HAS(outcome.err, "1 of 1 heads kept");
  const WeightFile before = read_safetensors(run("whole") / "model.safetensors"),
                   after = read_safetensors(run("tuned") / "model.safetensors");
  for (const FileTensor& t : before.tensors) {
    const bool same = std::memcmp(t.data, after.find(t.name)->data, t.bytes()) == 0;
    EXPECT_EQ(same, !t.name.starts_with("fc.")) << t.name;
  }
}

TEST_F(Train, FineTunesOnTorchvisionWeights) {
  if (run_program("/usr/bin/python3", {"-c", "import torch, torchvision"}).code != 0)
    GTEST_SKIP() << "python3-torchvision is absent";
  const std::string zip = (*folder_ / "zip.pth").string(), stacked = (*folder_ / "stacked.pth").string(),
                    converted = (*folder_ / "resnet18.safetensors").string();
  const std::string script =
      "import torch, torchvision; torch.manual_seed(1); s = torchvision.models.resnet18().state_dict(); torch.save(s, "
      "'" +
      zip + "'); torch.save({'model': s}, '" + stacked + "', _use_new_zipfile_serialization=False)";
  ASSERT_EQ(run_program("/usr/bin/python3", {"-c", script}).code, 0);
  ASSERT_EQ(run_program("pcconvert", {zip, converted}).code, 0);
  for (const std::string& weights : {stacked, converted}) {
    const Outcome outcome =
        run_program("pctrain", arguments(std::filesystem::path(weights).stem(),
                                         {"--set", "model.weights=" + weights, "--set", "train.epochs=1"}));
    EXPECT_TRUE(ended(outcome, 0, "100 tensors from"));  // 60 parameters and 40 running statistics
    EXPECT_HAS(outcome.err, "0 of 1 heads kept");
  }
  EXPECT_TRUE(model("stacked") == model("resnet18"));
}

TEST_F(Train, WeightsThatAreNotFiniteAreNamed) {
  const std::string weights = PC_SOURCE_DIR "/tests/weights/golden/dtypes.pth";
  const Outcome outcome = run_program("pctrain", arguments("nan", {"--set", "model.weights=" + weights}));
  EXPECT_TRUE(ended(outcome, 7, "\"f64\" holds 1 values that are not finite"));
}

TEST_F(Train, ModelGoesBackToTorchvision) {
  if (run_program("/usr/bin/python3", {"-c", "import torch, torchvision"}).code != 0)
    GTEST_SKIP() << "python3-torchvision is absent";
  const std::string model = (run("whole") / "model.safetensors").string(), pth = (*folder_ / "whole.pth").string(),
                    again = (*folder_ / "again.pth").string();
  const Outcome converted = run_program("pcconvert", {model, pth});
  ASSERT_EQ(converted.code, 0) << converted.err;
  EXPECT_HAS(converted.err, "labels and preprocessing stay in " + model);
  const std::string script =
      "import torch, torchvision; m = torchvision.models.resnet18(num_classes=3); s = torch.load('" + pth +
      "', weights_only=True); m.load_state_dict(s, strict=True); torch.save({k: m.state_dict()[k] for k in s}, '" +
      again + "')";
  const Outcome loaded = run_program("/usr/bin/python3", {"-c", script});
  ASSERT_EQ(loaded.code, 0) << loaded.err;
  const Outcome same = run_program("pcconvert", {"--verify", model, again});
  EXPECT_EQ(same.code, 0) << same.out;
}

TEST_F(Train, FineTunesFromOneLabelColumnToAnother) {
  // The same pictures under other names: the backbone is kept, the head starts anew although its size agrees.
  const auto data = *folder_ / "renamed";
  make_colors(data, 20);
  std::filesystem::rename(data / "red", data / "rot");
  auto a = train_arguments(folder_->path(), data, "renamed");
  a.insert(a.end(),
           {"--set", "model.weights=" + (run("whole") / "model.safetensors").string(), "--set", "train.epochs=1"});
  const Outcome outcome = run_program("pctrain", a);
  EXPECT_TRUE(ended(outcome, 0, "100 tensors from"));
  EXPECT_HAS(outcome.err, "0 of 1 heads kept");
}

TEST_F(Train, WeightsOfAnotherArchitectureAreNamed) {
  const std::string weights = "model.weights=" + (run("whole") / "model.safetensors").string();
  const Outcome outcome =
      run_program("pctrain", arguments("wrong", {"--set", weights, "--set", "model.architecture=resnet34"}));
  EXPECT_TRUE(ended(outcome, 3, "layer1.2.conv1.weight"));
}

TEST_F(Train, DryRunWritesNoRun) {
  const Outcome outcome = run_program("pctrain", arguments("dry", {"--dry-run"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_HAS(outcome.out, "logits [8, 3]");
  EXPECT_HAS(outcome.out, "11178051 parameters, 42.6 MiB") << "4 bytes each";
  EXPECT_LE(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 7) << outcome.out;
  EXPECT_FALSE(std::filesystem::exists(run("dry")));
}

TEST_F(Train, TooManyBadPicturesStopTheRun) {
  const auto data = *folder_ / "broken";
  make_colors(data, 4);
  for (int i = 0; i < 3; ++i)
    write_file_atomically(data / "red" / ("bad" + std::to_string(i) + ".jpg"), "not an image");
  auto a = train_arguments(folder_->path(), data, "broken");
  const Outcome strict = run_program("pctrain", a);
  EXPECT_TRUE(ended(strict, 3, "3 of 15 images cannot be read, more than data.max_bad = 0.01"));
  a.insert(a.end(), {"--set", "data.max_bad=0.5", "--set", "train.batch=4", "--set", "train.epochs=1"});
  const Outcome lenient = run_program("pctrain", a);
  EXPECT_TRUE(ended(lenient, 0, "skipped"));
}

TEST_F(Train, DivergenceIsNamedAndNothingBadIsSaved) {
  const Outcome outcome =
      run_program("pctrain", arguments("nan", {"--set", "train.lr=1000", "--set", "train.schedule=constant", "--set",
                                               "train.momentum=1", "--set", "train.weight_decay=100"}));
  EXPECT_TRUE(ended(outcome, 7, "step "));
}

TEST_F(Train, MissingFilesAndFolders) {
  EXPECT_EQ(run_program("pctrain", {}).code, 2);
  EXPECT_EQ(run_program("pctrain", {(*folder_ / "none.ini").string()}).code, 4);
  EXPECT_EQ(run_program("pctrain", arguments("x", {"--set", "data.root=/nowhere"})).code, 4);
  EXPECT_EQ(run_program("pctrain", arguments("x", {"--set", "output.runs=/proc/none"})).code, 4);
  EXPECT_EQ(run_program("pctrain", arguments("x", {"--set", "data.labels=colour"})).code, 3);
}

}  // namespace
}  // namespace pc::test
