// pcmerge --greedy: takes models that help and leaves out one that does not, on pictures that validated all of them.
#include <fmt/format.h>

#include <sstream>

#include "data/catalog.h"
#include "kernels/base/file.h"
#include "models/model_file.h"
#include "tests/support.h"
#include "tests/train/runs.h"
#include "tools/runs/split_file.h"

namespace pc::test {
namespace {

class GreedyAverage : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    make_colors(*folder_ / "colours", 40);
    train("start", {"train.epochs=2"});
    const std::string weights = "model.weights=" + model("start");
    train("a", {weights, "train.seed=2"});
    train("b", {weights, "train.seed=3"});
    train("other", {weights, "data.seed=2"});
    train("blind", {weights, "data.val=0"});
    // Its head says the opposite, so loudly that it would outvote the others.
    const LoadedModel bad = load_model(model("a"));
    bad.model->visit("", [](const std::string& name, Var& value, Role) {
      if (!is_head(name)) return;
      std::vector<float> values = value.value().to_vector<float>();
      for (float& v : values) v *= -9;
      value.set_value(Tensor::from(value.shape(), values, Device::cpu));
    });
    std::filesystem::create_directories(run("bad"));
    std::filesystem::copy(run("a") / "split.csv", run("bad"));
    save_model(model("bad"), bad.info, *bad.model);
  }
  static void TearDownTestSuite() { delete folder_; }
  static std::filesystem::path run(const std::string& name) { return *folder_ / "runs" / name; }
  static std::string model(const std::string& name) { return (run(name) / "model.safetensors").string(); }
  static void train(const std::string& name, const std::vector<std::string>& settings) {
    std::vector<std::string> arguments = train_arguments(folder_->path(), *folder_ / "colours", name);
    for (const char* always : {"model.architecture=smallcnn", "train.epochs=1", "data.val=0.3"})
      arguments.insert(arguments.end(), {"--set", always});
    for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
    const Outcome outcome = run_program("pctrain", arguments);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  static std::string out() { return (*folder_ / "out").string(); }
  static Outcome greedy(const std::vector<std::string>& models, std::vector<std::string> arguments = {}) {
    std::filesystem::remove(out());
    arguments.insert(arguments.end(), {"--greedy", (*folder_ / "colours").string(), out()});
    for (const std::string& name : models) arguments.push_back(model(name));
    return run_program("pcmerge", arguments);
  }

  static inline TemporaryFolder* folder_;
};

struct Decision {
  int64_t n;
  double alone, mean;
  bool taken;
  std::string model;
};

std::vector<Decision> decisions(const std::string& table) {
  std::istringstream lines(table);
  std::string line, word;
  std::getline(lines, line);
  std::vector<Decision> all;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    Decision& d = all.emplace_back();
    words >> d.n >> d.alone >> d.mean >> word;
    d.taken = word == "taken";
    if (!d.taken) words >> word;
    words >> d.model;
  }
  return all;
}

TEST_F(GreedyAverage, LeavesOutTheBadModelAndIsTheMeanOfTheOthersToTheBit) {
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--statistics", (*folder_ / "colours").string(), "--pictures", "60"}}) {
    const Outcome outcome = greedy({"bad", "a", "b"}, more);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const auto all = decisions(outcome.out);
    ASSERT_EQ(all.size(), 3u) << outcome.out;
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(all[i].n, 36);
      EXPECT_EQ(all[i].taken, i < 2) << outcome.out;
    }
    for (std::size_t i = 1; i < 3; ++i) {
      EXPECT_LE(all[i].alone, all[i - 1].alone);
      EXPECT_EQ(all[i].taken, all[i].mean >= all[i - 1].mean);
    }
    EXPECT_EQ(all[0].mean, all[0].alone);
    EXPECT_EQ(all[2].model, model("bad"));
    std::vector<std::string> plain = more;
    plain.insert(plain.end(), {"--force", (*folder_ / "plain").string(), all[0].model, all[1].model});
    ASSERT_EQ(run_program("pcmerge", plain).code, 0);
    EXPECT_TRUE(read_file(out()) == read_file(*folder_ / "plain")) << outcome.out;
  }
}

TEST_F(GreedyAverage, CountsOnlyPicturesThatValidatedEveryModel) {
  const data::Catalog catalog = data::open_dataset(*folder_ / "colours", {}).catalog;
  const auto one = runs::read_split(run("a") / "split.csv", catalog),
             two = runs::read_split(run("other") / "split.csv", catalog);
  int64_t both = 0;
  for (std::size_t i = 0; i < one.size(); ++i) both += one[i] == data::Split::val && two[i] == data::Split::val;
  ASSERT_GT(both, 0);
  ASSERT_LT(both, 36);
  const Outcome outcome = greedy({"a", "other"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(decisions(outcome.out).front().n, both);
  EXPECT_FALSE(load_model(out()).info.split);
}

TEST_F(GreedyAverage, RefusesWhatWouldChooseOnOtherPictures) {
  for (const char* name : {"lost", "foreign"}) {
    std::filesystem::create_directories(run(name));
    std::filesystem::copy(model("a"), run(name));
  }
  std::filesystem::copy(run("other") / "split.csv", run("foreign"));
  make_colors(*folder_ / "more", 41);
  const struct {
    Outcome outcome;
    int code;
    std::string message;
  } cases[] = {
      {greedy({"a", "lost"}), 3, "lost/split.csv to say which images validated it"},
      {greedy({"a", "foreign"}), 3, "foreign/split.csv: is of another run than"},
      {greedy({"a", "blind"}), 3, "no image validated every one of the models"},
      {greedy({"a", "b"}, {"--shares", "1,1"}), 2, "--weights: greedy averaging uses equal weights"},
      {run_program("pcmerge", {"--greedy", (*folder_ / "more").string(), out(), model("a"), model("b")}), 3,
       "its test images cannot be told from its training images"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(c.outcome.code, c.code) << c.outcome.err;
    EXPECT_HAS(c.outcome.err, c.message);
    EXPECT_EQ(c.outcome.out, "");
  }
  EXPECT_FALSE(std::filesystem::exists(out()));
}

}  // namespace
}  // namespace pc::test
