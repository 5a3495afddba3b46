// config.ini: every broken file ends in one line that names the file and line, the value, and what is wanted instead.
#include <fmt/format.h>

#include <fstream>

#include "tests/support.h"
#include "tests/train/runs.h"
#include "tools/runs/train_config.h"

namespace pc::test {
namespace {

class Config : public testing::Test {
 protected:
  // What reading such a file fails with; "" where it does not.
  std::string failure(const std::string& text, const std::vector<std::string>& overrides = {}) {
    std::ofstream(path_) << text;
    runs::TrainConfig config;
    return refusal([&] { config.read(path_, overrides); }, Exit::usage);
  }
  std::string at(int line) const { return fmt::format("{}:{}: ", path_.string(), line); }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "config.ini";
};

constexpr const char* kRoot = "[data]\nroot = x\n";

// Values that a key with these words in its `wants` must refuse.
std::vector<std::string> bad_values(const std::string& wants) {
  if (wants.starts_with("a whole number"))
    return {"", "1.5", "-1", "0x10", "1e3", "eins", "99999999999999999999", "1 2"};
  if (wants.starts_with("a number")) return {"", "0,5", "-0.001", "nan", "inf", "1e999", "viel", "1.0.0"};
  if (wants.starts_with("one of")) return {"", "no such thing", "SGD", "1"};
  if (wants.starts_with("yes or no")) return {"", "true", "1", "Yes"};
  return {"a ; b", std::string(181, 'x'), "\x01"};
}

TEST_F(Config, EveryKeyRefusesEveryBadValueByFileLineAndRange) {
  runs::TrainConfig config;
  int refused = 0;
  for (const cli::ConfigKey& key : config.keys())
    for (const std::string& value : bad_values(key.wants)) {
      const bool text = key.wants.starts_with("text") || key.wants.starts_with("a list");
      if (text && value.size() < 3) continue;  // inih reads a control character as it is; the override below holds it
      const std::string message =
          failure(fmt::format("[{}]\n{} = {}\n", key.section, key.key, text ? "x" : value),
                  text ? std::vector{key.section + "." + key.key + "=" + value} : std::vector<std::string>{});
      const std::string name = key.section + "." + key.key;
      const std::string want = text ? fmt::format("--set: {} = {}: requires ", name, value)
                                    : at(2) + fmt::format("{} = {}: requires {}", name, value, key.wants);
      EXPECT_TRUE(message.starts_with(want)) << message << "\nwants: " << want;
      ++refused;
    }
  EXPECT_GE(refused, 100);
}

TEST_F(Config, EveryKeyIsExplainedAndItsDefaultIsAllowed) {
  runs::TrainConfig config;
  const std::string help = cli::config_help(config.keys());
  for (const cli::ConfigKey& key : config.keys()) {
    EXPECT_NO_THROW(key.set(key.get())) << key.section << "." << key.key;
    EXPECT_HAS(help, "\n" + key.key + ": " + key.wants + "; default ") << key.key;
    EXPECT_FALSE(key.help.empty()) << key.key;
  }
}

struct Broken {
  std::string text;
  int line;  // 0: the file as a whole
  std::string message;
};

TEST_F(Config, BrokenFiles) {
  const std::vector<Broken> table{
      {"", 0, ": data.root is not set; name the images' folder there, or with --set data.root=DIR"},
      {"root = x\n", 1, "unknown key .root; did you mean data.root?"},
      {"[data]\nlr = 1\n", 2, "unknown key data.lr; did you mean train.lr?"},
      {"[data]\nrot = x\n", 2, "unknown key data.rot; did you mean data.root?"},
      {"[Data]\nroot = x\n", 2, "unknown key Data.root; did you mean data.root?"},
      {"[train]\nlearning_rate = 1\n", 2, "unknown key train.learning_rate; --help-config lists the keys"},
      {"[train]\nlr = 0.1\nlr = 0.2\n", 3, "train.lr is given twice, first at"},
      {"[train]\nlr = 0.1\n\n; a comment\nepoch = 3\n", 5, "unknown key train.epoch; did you mean train.epochs?"},
      {"[train\nlr = 1\n", 1, "neither a [section], a key = value nor a comment"},
      {"[train]\nlr\n", 2, "neither a [section], a key = value nor a comment"},
      {"[train]\n= 1\n", 2, "unknown key train.; did you mean"},
      {"<html>\n", 0, ": looks like XML or HTML, not INI"},
      {"{\"train\": {}}\n", 0, ": looks like JSON, not INI; write lines such as [train]"},
      {"[train]\nbatch = 1\n", 2, "train.batch = 1: requires a whole number from 2 to 65536"},
      {"[model]\narchitecture = vgg\n", 2, "model.architecture = vgg: requires one of smallcnn, resnet101, resnet18"},
      {"[train]\nlr = 0.1 0.2\n", 2, "train.lr = 0.1 0.2: requires a number from 0 to 1000"},
      {std::string(kRoot) + "labels = a, b\n[train]\nhead_weights = 1, 2, 3\n", 0,
       "train.head_weights: 3 numbers for 2 label columns"},
      {std::string(kRoot) + "labels = a, b\nmin_count = 1, 2, 3\n", 0, "data.min_count: 3 numbers for 2 label columns"},
      {std::string(kRoot) + "min_count = 0\n", 0, "data.min_count: 0: requires a whole number of 1 or more"},
      {std::string(kRoot) + "min_count = 2.5\n", 0, "data.min_count: 2.5: requires a whole number of 1 or more"},
      {std::string(kRoot) + "[train]\nhead_weights = x\n", 0, "train.head_weights: x: requires a number of 0 or more"},
      {std::string(kRoot) + "[train]\nhead_weights = -1\n", 0,
       "train.head_weights: -1: requires a number of 0 or more"},
      {std::string(kRoot) + "val = 0.6\ntest = 0.5\n", 0,
       ": data.val + data.test = 1.1: nothing is left to train on; lower one of them"},
      {std::string(kRoot) + "[output]\nname = a/b\n", 0, ": output.name = a/b: requires a plain folder name"},
      {std::string(kRoot) + "[output]\nname =\n", 0, ": output.name = : requires a plain folder name"},
      {std::string(kRoot) + "[train]\nprecision = f16\n", 0,
       ": train.precision = f16: only on train.device = cuda; use bf16 or f32"},
      {std::string(kRoot) + "val = 0\n[train]\npatience = 2\n", 0, ": train.patience = 2: needs validation images"},
      {"[data]\nroot = " + std::string(300, 'x') + "\n", 2, "line of more than"},
      {std::string("[data]\nroot = a\0b\n", 18), 0, ": not a text file"},
  };
  for (const Broken& broken : table) {
    const std::string message = failure(broken.text);
    EXPECT_NE(message, "") << broken.text;
    EXPECT_HAS(message, broken.line > 0 ? at(broken.line) + broken.message : broken.message)
        << broken.text << "\nsays: " << message;
    EXPECT_LACKS(message, '\n');
  }
}

// What people hand over in place of INI, as other programs take it.
TEST_F(Config, OtherFormatsAreNamed) {
  for (const auto& [text, format] : std::vector<std::pair<std::string, std::string>>{
           {"data:\n  root: /x\n  labels: [a, b]\ntrain:\n  lr: 0.1\n", "YAML"},
           {"# mine\n\ndata:\r\n  root: /x\r\n", "YAML"},
           {"---\ndata:\n  root: x\n", "YAML"},
           {"%YAML 1.2\n---\ndata: {root: x}\n", "YAML"},
           {"epochs: 3", "YAML"},
           {"- data.root=x\n- train.lr=0.1\n", "YAML"},
           {"{\"data\": {\"root\": \"x\"}}", "JSON"},
           {"\xef\xbb\xbf{\n\"data\": {}\n}", "JSON"},
           {"[{\"root\": 1}]", "JSON"},
           {"<?xml version=\"1.0\"?>\n<data/>\n", "XML or HTML"}}) {
    const std::string message = failure(text);
    EXPECT_TRUE(message.starts_with(path_.string() + ": looks like " + format + ", not INI")) << text << message;
  }
  for (const auto& [text, line] :
       std::vector<std::pair<std::string, int>>{{"[data]\nroot = \"/x\"\n", 2},
                                                {"[data]\nroot = x\nlabels = [\"a\", \"b\"]\n", 3},
                                                {"[model]\narchitecture = 'resnet18'\n", 2},
                                                {"[data]\nroot = \"/x\"  # mine\n", 2},
                                                {"[train]\nlr = 0.1\nhead_weights = [1, 2]\n", 3}}) {
    const std::string message = failure(text);
    EXPECT_TRUE(message.starts_with(at(line))) << message;
    EXPECT_HAS(message, ": looks like TOML; INI has no quotes and brackets around values");
  }
  EXPECT_EQ(failure("[data]\nroot: [old] it's \"x\"\nlabels: a\n"), "") << "INI takes a colon, and such names";
}

TEST_F(Config, BrokenOverrides) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"train.lr", "--set train.lr: requires section.key=value"},
           {"lr=1", "--set lr=1: requires section.key=value"},
           {"train.lr=fast", "--set: train.lr = fast: requires a number from 0 to 1000, or auto"},
           {"train.lrr=1", "--set: unknown key train.lrr; did you mean train.lr?"},
           {"=", "--set =: requires section.key=value"}})
    EXPECT_EQ(failure(kRoot, {text}), message);
}

TEST_F(Config, TheProgramEndsWithUsageAndPrintsTheHelp) {
  std::ofstream(path_) << "[train]\nlr = fast\n";
  const Outcome broken = run_program("pctrain", {path_.string()}), none = run_program("pctrain", {}),
                help = run_program("pctrain", {"--help-config"});
  EXPECT_TRUE(ended(broken, 2, at(2) + "train.lr = fast"));
  EXPECT_EQ(none.code, 2);
  EXPECT_EQ(help.code, 0);
  runs::TrainConfig config;
  EXPECT_EQ(help.out, cli::config_help(config.keys()));
}

TEST(TrainConfig, EveryKeyRoundTrips) {
  runs::TrainConfig a, b;
  a.data.labels = {"x", "y"};
  a.train.lr = 0.1234567890123;
  a.augment.flip = 0;
  for (const cli::ConfigKey& key : a.keys())
    for (const cli::ConfigKey& other : b.keys())
      if (key.section == other.section && key.key == other.key) other.set(key.get());
  EXPECT_EQ(cli::to_ini(a.keys(), false), cli::to_ini(b.keys(), false));
}

// A run writes its keys to config.ini and reads them again.
TEST(TrainConfig, TextsThatConfigIniCannotHoldAreRefused) {
  runs::TrainConfig config;
  const auto keys = config.keys();
  const auto set = [&](const std::string& name, const std::string& text) {
    for (const cli::ConfigKey& key : keys)
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
  runs::TrainConfig config;
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
}  // namespace pc::test
