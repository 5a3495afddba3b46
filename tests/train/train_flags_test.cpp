// pctrain DATA: what a flag sets, what a run is named, and that the run holds what was chosen for it.
#include "tools/runs/train_flags.h"

#include <set>

#include "kernels/base/error.h"
#include "kernels/base/file.h"
#include "tests/support.h"
#include "tests/train/runs.h"
#include "tools/runs/train_config.h"

namespace pc::runs {
namespace {

using namespace test;

const TrainFlag& flag(const std::string& name) {
  for (const TrainFlag& one : train_flags())
    if (one.name == name) return one;
  throw std::out_of_range(name);
}

// "train.epochs=3" of each entry.
std::set<std::string> set_by(const std::string& name, const std::string& value) {
  std::set<std::string> text;
  for (const cli::IniEntry& entry : entries_of(flag(name), value)) {
    EXPECT_EQ(entry.place, name);
    text.insert(entry.section + "." + entry.key + "=" + entry.value);
  }
  return text;
}

TEST(TrainFlags, SetTheirKeys) {
  using Set = std::set<std::string>;
  EXPECT_EQ(set_by("--epochs", "3"), Set{"train.epochs=3"});
  EXPECT_EQ(set_by("--batch-size", "auto"), Set{"train.batch=auto"});
  EXPECT_EQ(set_by("--arch", "smallcnn"), Set{"model.architecture=smallcnn"});
  EXPECT_EQ(set_by("--size", "224"), (Set{"model.height=224", "model.width=224"}));
  EXPECT_EQ(set_by("--size", "60x80"), (Set{"model.height=80", "model.width=60"}));
  EXPECT_EQ(set_by("--size", "auto"), (Set{"model.height=auto", "model.width=auto"}));
  for (const char* wrong : {"", "x", "60x", "x80", "60x80x3", "60 x 80", "-5", "60X80", "big"})
    EXPECT_ANY_THROW(entries_of(flag("--size"), wrong)) << wrong;
  TrainConfig config;
  std::set<std::string> known;
  for (const cli::ConfigKey& key : config.keys()) known.insert(key.section + "." + key.key);
  for (const TrainFlag& one : train_flags())
    for (const std::string& key : one.keys) EXPECT_TRUE(known.contains(key)) << one.name << " " << key;
}

TEST(TrainFlags, TheRunIsNamedAfterTheData) {
  for (const auto& [path, name] : std::vector<std::pair<std::string, std::string>>{{"photos", "photos"},
                                                                                   {"/a/photos/", "photos"},
                                                                                   {"a/b.zip", "b"},
                                                                                   {".", "run"},
                                                                                   {"..", "run"},
                                                                                   {"a/../c", "c"}}) {
    const auto entries = entries_of_data(path);
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].section + "." + entries[0].key + "=" + entries[0].value, "data.root=" + path);
    EXPECT_EQ(entries[1].section + "." + entries[1].key + "=" + entries[1].value, "output.name=" + name);
  }
}

TEST(TrainFlags, DataIsAFolderOrAnArchive) {
  TemporaryFolder folder;
  write_file_atomically(folder / "a.ini", "");
  for (const char* data : {"", "b.zip", "B.ZIP", "none"}) EXPECT_TRUE(is_data((folder / data).string())) << data;
  for (const char* config : {"a.ini", "none.ini"}) EXPECT_FALSE(is_data((folder / config).string())) << config;
}

class WithoutConfig : public testing::Test {
 protected:
  void SetUp() override { make_colors(folder_ / "colours", 20); }
  Outcome train(std::vector<std::string> more) {
    std::vector<std::string> words{(folder_ / "colours").string(), "--runs", (folder_ / "runs").string()};
    for (const auto& [flag, value] : {std::pair("--arch", "smallcnn"), std::pair("--epochs", "1")})
      if (std::find(more.begin(), more.end(), flag) == more.end()) words.insert(words.end(), {flag, value});
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"--set", "data.cache=" + (folder_ / "cache").string()});
    return run_program("pctrain", words);
  }
  std::string config(const std::string& name) const { return read_file(folder_ / "runs" / name / "config.ini"); }
  TemporaryFolder folder_;
};

// 60 images of 20x24: 48 to train, in six steps of eight.
TEST_F(WithoutConfig, TheRunHoldsWhatWasChosenAndResumesWithIt) {
  const Outcome first = train({});
  ASSERT_EQ(first.code, 0) << first.err;
  const std::string written = config("colours");
  for (const char* line : {"\nheight = 24\n", "\nwidth = 20\n", "\nresize = stretch\n", "\nbatch = 8\n",
                           "\nlr = 0.0063\n", "\nweights = \n", "\nepochs = 1\n"})
    EXPECT_NE(written.find(line), std::string::npos) << line << written;
  EXPECT_EQ(written.find("auto"), std::string::npos);
  EXPECT_NE(train({}).err.find("nothing to do"), std::string::npos);
  const Outcome other = train({"--batch-size", "4"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("train.batch was 8 and is now 4"), std::string::npos) << other.err;
  const Outcome more = train({"--epochs", "2"});
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_NE(config("colours").find("\nlr = 0.0063\n"), std::string::npos);
}

TEST_F(WithoutConfig, FlagsComeBeforeSetAndAfterTheFile) {
  write_file_atomically(folder_ / "a.ini", "[data]\nroot = nowhere\n[train]\nepochs = 7\nbatch = 4\nseed = 3\n");
  const Outcome outcome = run_program("pctrain", {(folder_ / "a.ini").string(), "--epochs", "6", "--batch-size", "5",
                                                  "--set", "train.batch=6", "--print-config"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* line : {"\nroot = nowhere\n", "\nepochs = 6\n", "\nbatch = 6\n", "\nseed = 3\n"})
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line;
}

TEST_F(WithoutConfig, MistakesAreNamed) {
  const auto message = [&](const std::vector<std::string>& words, int code) {
    const Outcome outcome = train(words);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return outcome.err;
  };
  EXPECT_NE(message({"--epochs", "x"}, 2).find("--epochs: train.epochs = x: requires a whole number"),
            std::string::npos);
  EXPECT_NE(message({"--lr", "fast"}, 2).find("--lr: train.lr = fast: requires a number from 0 to 1000, or auto"),
            std::string::npos);
  EXPECT_NE(message({"--size", "8"}, 2).find("model.width = 8: requires"), std::string::npos);
  EXPECT_NE(message({"--epoch", "3"}, 2).find("unknown option --epoch; did you mean --epochs?"), std::string::npos);
  ::setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1);
  const std::string absent = message({"--arch", "resnet18", "--weights", "resnet18"}, 4);
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_NE(absent.find("pc/resnet18.safetensors: no such file; pcdata fetch resnet18 downloads"), std::string::npos)
      << absent;
  const Outcome nothing = run_program("pctrain", {});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_NE(nothing.err.find("pctrain DATA or pctrain CONFIG.ini"), std::string::npos);
}

}  // namespace
}  // namespace pc::runs
