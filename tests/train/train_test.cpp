// pctrain as a person runs it: it learns, stops and goes on bit for bit, and says clearly what is wrong.
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

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
    std::ifstream file(run(name) / "metrics.jsonl");
    std::vector<json> events;
    for (std::string line; std::getline(file, line);) {
      events.push_back(json::parse(line));
      for (const char* timing : {"seconds", "img_per_s"}) events.back().erase(timing);
    }
    return events;
  }
  static std::string model(const std::string& name) { return read_file(run(name) / "model.safetensors"); }

  static TemporaryFolder* folder_;
  static Outcome* whole_;
};
TemporaryFolder* Train::folder_;
Outcome* Train::whole_;

TEST_F(Train, FinishesAndLeavesWhatItPromises) {
  ASSERT_EQ(whole_->code, 0) << whole_->err;
  EXPECT_NE(whole_->out.find("accuracy"), std::string::npos) << whole_->out;
  for (const char* name : {"config.ini", "metrics.jsonl", "model.safetensors", "split.csv", "held_back", "last"})
    EXPECT_TRUE(std::filesystem::exists(run("whole") / name)) << name;
  const auto events = metrics("whole");
  ASSERT_EQ(events.size(), 5u);  // start, two epochs, calibration, test
  EXPECT_EQ(events.back()["event"], "test");
  EXPECT_EQ(events.back()["heads"]["label"]["n"], 6);
}

TEST_F(Train, LearnsColors) {
  const Outcome outcome = run_program("pctrain", arguments("learned", {"--set", "train.epochs=12"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json test = metrics("learned").back()["heads"]["label"];
  EXPECT_GE(test["accuracy"].get<double>(), 0.8) << test;
}

TEST_F(Train, ModelFileIsEnoughByItself) {
  const LoadedModel loaded = load_model(run("whole") / "model.safetensors");
  EXPECT_EQ(loaded.info.architecture, "resnet18");
  ASSERT_EQ(loaded.info.heads.size(), 1u);
  EXPECT_EQ(loaded.info.heads[0].labels, (std::vector<std::string>{"blue", "green", "red"}));
  EXPECT_EQ(loaded.info.preprocess.height, 32);
  EXPECT_TRUE(run_self_test(loaded, Device::cpu, DType::f32, "model.safetensors"));
}

TEST_F(Train, SameSeedSameBitsWithOneThread) {
  ASSERT_EQ(run_program("pctrain", arguments("one_thread", {"--set", "train.threads=1"})).code, 0);
  EXPECT_TRUE(model("one_thread") == model("whole"));
  EXPECT_EQ(metrics("one_thread"), metrics("whole"));
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
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("nothing to do"), std::string::npos) << again.err;
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

TEST_F(Train, ResumesBitForBitAfterSigterm) {
  int interruptions = 0;
  survive(arguments("sigterm"), SIGTERM, 1, interruptions);
  EXPECT_GT(interruptions, 0);
  EXPECT_TRUE(model("sigterm") == model("whole"));
  EXPECT_EQ(metrics("sigterm"), metrics("whole"));
}

TEST_F(Train, ResumesBitForBitAfterSigkill) {
  int interruptions = 0;
  survive(arguments("sigkill"), SIGKILL, 2, interruptions);
  EXPECT_GT(interruptions, 0);
  EXPECT_TRUE(model("sigkill") == model("whole"));
  EXPECT_EQ(metrics("sigkill"), metrics("whole"));
}

TEST_F(Train, ChangedConfigurationIsNotResumed) {
  const Outcome other = run_program("pctrain", arguments("whole", {"--set", "train.lr=0.5"}));
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("train.lr was 0.02 and is now 0.5"), std::string::npos) << other.err;
}

TEST_F(Train, FineTunesOnGivenWeights) {
  const std::string weights = "model.weights=" + (run("whole") / "model.safetensors").string();
  const Outcome outcome =
      run_program("pctrain", arguments("tuned", {"--set", weights, "--set", "model.freeze=backbone"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("1 of 1 heads kept"), std::string::npos) << outcome.err;
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
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find("100 tensors from"), std::string::npos)
        << outcome.err;  // 60 parameters and 40 running statistics
    EXPECT_NE(outcome.err.find("0 of 1 heads kept"), std::string::npos) << outcome.err;
  }
  EXPECT_TRUE(model("stacked") == model("resnet18"));
}

TEST_F(Train, WeightsThatAreNoneAreNamed) {
  const auto page = *folder_ / "page.pth";
  write_file_atomically(page, "<!DOCTYPE html><title>404</title>");
  const Outcome outcome = run_program("pctrain", arguments("page", {"--set", "model.weights=" + page.string()}));
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.err.find(page.string() + ": not weights; it looks like HTML: a web page was saved in its place"),
            std::string::npos)
      << outcome.err;
}

TEST_F(Train, WeightsThatAreNotFiniteAreNamed) {
  const std::string weights = PC_SOURCE_DIR "/tests/weights/golden/dtypes.pth";
  const Outcome outcome = run_program("pctrain", arguments("nan", {"--set", "model.weights=" + weights}));
  EXPECT_EQ(outcome.code, 7);
  EXPECT_NE(outcome.err.find("\"f64\" holds 1 values that are not finite"), std::string::npos) << outcome.err;
}

TEST_F(Train, ModelGoesBackToTorchvision) {
  if (run_program("/usr/bin/python3", {"-c", "import torch, torchvision"}).code != 0)
    GTEST_SKIP() << "python3-torchvision is absent";
  const std::string model = (run("whole") / "model.safetensors").string(), pth = (*folder_ / "whole.pth").string(),
                    again = (*folder_ / "again.pth").string();
  const Outcome converted = run_program("pcconvert", {model, pth});
  ASSERT_EQ(converted.code, 0) << converted.err;
  EXPECT_NE(converted.err.find("labels and preprocessing stay in " + model), std::string::npos) << converted.err;
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
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("100 tensors from"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("0 of 1 heads kept"), std::string::npos) << outcome.err;
}

TEST_F(Train, Bf16Learns) {
  const Outcome outcome =
      run_program("pctrain", arguments("bf16", {"--set", "train.precision=bf16", "--set", "train.epochs=12"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_GE(metrics("bf16").back()["heads"]["label"]["accuracy"].get<double>(), 0.8);
}

TEST_F(Train, WeightsOfAnotherArchitectureAreNamed) {
  const std::string weights = "model.weights=" + (run("whole") / "model.safetensors").string();
  const Outcome outcome =
      run_program("pctrain", arguments("wrong", {"--set", weights, "--set", "model.architecture=resnet34"}));
  EXPECT_EQ(outcome.code, 3);
  EXPECT_NE(outcome.err.find("layer1.2.conv1.weight"), std::string::npos) << outcome.err;
}

TEST_F(Train, DryRunWritesNoRun) {
  const Outcome outcome = run_program("pctrain", arguments("dry", {"--dry-run"}));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("11178051 parameters"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("logits [8, 3]"), std::string::npos) << outcome.out;
  for (const char* activation :
       {"conv2d           [8, 16, 16, 64]", "norm_pool        [8, 8, 8, 64]", "norm_mean        [8, 512]"})
    EXPECT_NE(outcome.out.find(activation), std::string::npos) << activation << " in\n" << outcome.out;
  EXPECT_FALSE(std::filesystem::exists(run("dry")));
}

TEST_F(Train, TooManyBadPicturesStopTheRun) {
  const auto data = *folder_ / "broken";
  make_colors(data, 4);
  for (int i = 0; i < 3; ++i)
    write_file_atomically(data / "red" / ("bad" + std::to_string(i) + ".jpg"), "not a picture");
  auto a = train_arguments(folder_->path(), data, "broken");
  const Outcome strict = run_program("pctrain", a);
  EXPECT_EQ(strict.code, 3);
  EXPECT_NE(strict.err.find("3 of 15 pictures cannot be read, more than data.max_bad = 0.01"), std::string::npos)
      << strict.err;
  a.insert(a.end(), {"--set", "data.max_bad=0.5", "--set", "train.batch=4", "--set", "train.epochs=1"});
  const Outcome lenient = run_program("pctrain", a);
  EXPECT_EQ(lenient.code, 0) << lenient.err;
  EXPECT_NE(lenient.err.find("skipped"), std::string::npos) << lenient.err;
}

TEST_F(Train, DivergenceIsNamedAndNothingBadIsSaved) {
  const Outcome outcome =
      run_program("pctrain", arguments("nan", {"--set", "train.lr=1000", "--set", "train.schedule=constant", "--set",
                                               "train.momentum=1", "--set", "train.weight_decay=100"}));
  EXPECT_EQ(outcome.code, 7) << outcome.err;
  EXPECT_NE(outcome.err.find("step "), std::string::npos) << outcome.err;
}

struct BadConfig {
  std::string override, message;
};

TEST_F(Train, BadKeysAndValues) {
  const BadConfig cases[] = {
      {"train.lr=0,01", "train.lr = 0,01: wants a number"},
      {"train.lr=nan", "wants a number"},
      {"train.batch=-4", "wants a whole number from 2 to 65536"},
      {"train.batch=1e3", "wants a whole number"},
      {"train.batch=32abc", "wants a whole number"},
      {"train.batch=99999999999999999999", "wants a whole number"},
      {"train.learning_rate=1", "unknown key train.learning_rate; did you mean"},
      {"train.epoch=1", "did you mean train.epochs?"},
      {"model.architecture=vgg", "wants one of smallcnn, resnet101, resnet18"},
      {"train.precision=f16", "use bf16 or f32"},
      {"data.val=0.6", ""},
      {"output.name=../x", "wants a plain folder name"},
      {"nonsense", "wants section.key=value"},
  };
  for (const BadConfig& c : cases) {
    const auto more = c.override == "data.val=0.6"
                          ? std::vector<std::string>{"--set", c.override, "--set", "data.test=0.5"}
                          : std::vector<std::string>{"--set", c.override};
    const Outcome outcome = run_program("pctrain", arguments("bad", more));
    EXPECT_EQ(outcome.code, 2) << c.override;
    EXPECT_NE(outcome.err.find(c.message), std::string::npos) << c.override << ": " << outcome.err;
  }
}

TEST_F(Train, BadIniLinesNameTheirPlace) {
  const auto config = *folder_ / "bad.ini";
  write_file_atomically(config, "[train]\nlr = 0.1\nlearing_rate = 2\n");
  Outcome outcome = run_program("pctrain", {config.string()});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("bad.ini:3: unknown key train.learing_rate"), std::string::npos) << outcome.err;
  write_file_atomically(config, "[train]\nlr = 0.1\nlr = 2\n");
  outcome = run_program("pctrain", {config.string()});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("bad.ini:3: train.lr is given twice"), std::string::npos) << outcome.err;
  write_file_atomically(config, "[train]\nwhat is this\n");
  outcome = run_program("pctrain", {config.string()});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("bad.ini:2"), std::string::npos) << outcome.err;
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
