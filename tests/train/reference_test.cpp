// Training against a trainer of its own: reference_golden.json holds what make_reference_golden.py, on PyTorch in f64, makes of the same
// images and settings: rates, gradient norms, losses, hits, validation and weights.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/base/file.h"
#include "kernels/base/random.h"
#include "tests/engine/golden.h"
#include "tests/support.h"
#include "tests/train/runs.h"
#include "tools/train/learner.h"
#include "tools/train/start.h"

namespace pc::test {
namespace {

using nlohmann::json;

const json& golden(const std::string& name) {
  static const json all = json::parse(read_file(PC_SOURCE_DIR "/tests/train/reference_golden.json"));
  return all.at(name);
}

// "train.lr=0.05", as --set takes it.
std::string setting(const std::string& key, const json& value) {
  std::string text = value.is_boolean() ? (value.get<bool>() ? "yes" : "no") : value.is_string() ? value : "";
  if (value.is_number()) text = value.dump();
  if (value.is_array())
    for (const json& item : value) text += (item.is_string() ? item.get<std::string>() : item.dump()) + ",";
  return key + "=" + text;
}

void expect_like(Classifier& model, const json& want) {
  std::size_t members = 0;
  model.visit("", [&](const std::string& name, Var& value, Role) {
    const std::vector<float> got = value.value().to_vector<float>();
    const json& numbers = want.at(name);
    const std::size_t picked = numbers.size() - 1;
    ASSERT_EQ(picked, std::min<std::size_t>(8, got.size())) << name;
    double sum = 0, size = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      sum += double(got[i]) * (double(i * 37 % 101) - 50) / 50;
      size += std::abs(double(got[i]));
    }
    const double slack = 2e-4 * std::max(1.0, size / double(got.size()));
    for (std::size_t i = 0; i < picked; ++i)
      EXPECT_NEAR(got[i * 7919 % got.size()], numbers[i].get<double>(), slack) << name << " " << i;
    EXPECT_NEAR(sum, numbers[picked].get<double>(), slack * std::sqrt(double(got.size()))) << name;
    ++members;
  });
  EXPECT_EQ(members, want.size());
}

class Reference : public testing::Test {
 protected:
  static constexpr int kImages = 40, kTrained = 28, kHeight = 16, kWidth = 20;
  static constexpr const char* kHeads[] = {"kind", "tone"};

  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    std::filesystem::create_directories(*folder_ / "shop" / "images");
    std::string table = "id,kind,tone\n", split = "file,split\n";
    for (int i = 0; i < kImages; ++i) {
      const char* kinds[] = {"k0", "k0", "k1", "k2", "k1", "k0"};
      table += fmt::format("{},{},{}\n", i, i % 7 == 6 ? "" : kinds[i % 6], i % 11 == 4 ? "" : i % 3 ? "t0" : "t1");
      split += fmt::format("images/{}.png,{}\n", i, i % 5 == 0 ? "val" : i % 10 == 3 ? "test" : "train");
      data::Image image{.h = kHeight, .w = kWidth, .pixels = std::vector<uint8_t>(kHeight * kWidth * 3)};
      for (std::size_t p = 0; p < image.pixels.size(); ++p)
        image.pixels[p] = uint8_t(philox(uint64_t(i), 0, p).word[0] % 150 + 35 * ((p + std::size_t(i) % 6) % 3));
      write_png(*folder_ / "shop" / "images" / fmt::format("{}.png", i), image);
    }
    write_file_atomically(*folder_ / "shop" / "styles.csv", table);
    write_file_atomically(*folder_ / "split.csv", split);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::vector<std::string> settings(const std::string& name) {
    std::vector<std::string> settings{"data.labels=kind, tone", "data.split_file=" + (*folder_ / "split.csv").string()};
    for (const auto& [key, value] : golden(name)["settings"].items()) settings.push_back(setting(key, value));
    return settings;
  }
  // Of the test that runs.
  static std::filesystem::path run() {
    return *folder_ / "runs" / testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  static void follow(const std::string& name);
  static std::vector<json> run_of(const std::string& name, const std::vector<std::string>& more = {});
  static std::vector<json> epochs_of(std::vector<json> events) {
    std::erase_if(events, [](const json& event) { return event["event"] != "epoch"; });
    return events;
  }

  static inline TemporaryFolder* folder_;
};

// The steps of a run, one by one.
void Reference::follow(const std::string& name) {
  const json& want = golden(name);
  runs::TrainConfig config;
  config.read(train_arguments(folder_->path(), *folder_ / "shop", name)[0], settings(name));
  const runs::DataPlan plan = runs::plan_data(config);
  const ModelInfo info = train::model_info(config, plan);
  train::Learner learner(config, plan, info);
  const runs::TrainState& state = learner.state();
  ASSERT_EQ(learner.steps_per_epoch() * config.train.epochs, int64_t(want["steps"].size()));
  for (const json& epoch : want["epochs"]) {
    const auto order = plan.order(config, uint64_t(state.epoch));
    while (state.step < learner.steps_per_epoch()) {
      SCOPED_TRACE(fmt::format("step {}", state.total_steps));
      const json& step = want["steps"][std::size_t(state.total_steps)];
      std::vector<uint32_t> items;
      for (int64_t i = state.step * learner.step_pictures();
           i < std::min(learner.epoch_pictures(), (state.step + 1) * learner.step_pictures()); ++i)
        items.push_back(plan.train[order[std::size_t(i)]]);
      learner.learn(items);
      const GradScalerState scaler = learner.optimizer().state();
      EXPECT_NEAR(scaler.lr, step[0].get<double>(), 2e-6 * config.train.lr);
      EXPECT_NEAR(scaler.norm, step[1].get<double>(), 2e-3 * step[1].get<double>());
    }
    for (std::size_t head = 0; head < 2; ++head) {
      SCOPED_TRACE(fmt::format("epoch {}, {}", state.epoch, info.heads[head].name));
      EXPECT_NEAR(state.loss_sums[head], epoch[head][0].get<double>(), 1e-3 * epoch[head][0].get<double>());
      EXPECT_EQ(double(state.hits[head]), epoch[head][1].get<double>());
      EXPECT_EQ(double(state.seen[head]), epoch[head][2].get<double>());
    }
    ++learner.state().epoch;
    learner.begin_epoch();
  }
  expect_like(learner.model(), want["model"]);
  EXPECT_EQ(learner.average() != nullptr, want.contains("average"));
  if (learner.average()) expect_like(*learner.average(), want["average"]);
}

TEST_F(Reference, StagesJoinOneByOne) { follow("stages join one by one"); }
TEST_F(Reference, AdamwOnMixedImages) { follow("adamw on mixed images"); }
TEST_F(Reference, PartsStayFrozen) { follow("parts stay frozen"); }

// Whatever the batch, what is drawn for an image depends on its place in the epoch.
TEST_F(Reference, DrawsWhatTheConfigurationSays) {
  constexpr std::size_t kPlaces = 7;
  runs::TrainConfig config;
  config.read(train_arguments(folder_->path(), *folder_ / "shop", "drawn")[0], settings("augmentation"));
  const runs::DataPlan plan = runs::plan_data(config);
  const ModelInfo info = train::model_info(config, plan);
  train::Learner learner(config, plan, info);
  const runs::BatchMaker& batches = learner.batches();
  const json& want = golden("augmentation")["samples"];
  for (const std::size_t batch : {1, 4, 7})
    for (std::size_t at = 0; at < want.size(); at += std::min(batch, kPlaces - at % kPlaces)) {
      const std::size_t first = at % kPlaces, n = std::min(batch, kPlaces - first);
      std::vector<int64_t> table(batches.table_bytes(n) / sizeof(int64_t));
      const std::span<const uint32_t> items = std::span(plan.train).subspan(first, n);
      batches.draw(items, {.epoch = at / kPlaces, .number = first / batch, .first = first},
                   reinterpret_cast<std::byte*>(table.data()));
      const auto* samples = reinterpret_cast<const AugmentSample*>(table.data());
      for (std::size_t i = 0; i < n; ++i) {
        expect_sample(samples[i], want[at + i], 0);
        EXPECT_EQ(samples[i].offset, plan.store->image(items[i]).offset);
      }
    }
}

TEST_F(Reference, AStepTakesAllImagesAtMost) {
  runs::TrainConfig config;
  config.read(train_arguments(folder_->path(), *folder_ / "shop", "all")[0], settings("augmentation"));
  const runs::DataPlan plan = runs::plan_data(config);
  const ModelInfo info = train::model_info(config, plan);
  config.train.accumulate = 2;
  config.train.batch = kTrained / 2;
  for (const bool drop_last : {false, true}) {
    config.train.drop_last = drop_last;
    EXPECT_EQ(train::Learner(config, plan, info).steps_per_epoch(), 1);
  }
  config.train.batch = kTrained / 2 + 1;
  EXPECT_EQ(error_of([&] { train::Learner(config, plan, info); }),
            "2: train.batch x train.accumulate = 15 x 2: more than the 28 training images; lower train.batch");
}

// f16 begins at a loss scale of 4096 and halves it where a gradient overflows; the step then changes nothing. What the scale does over
// thousands of steps: tests/ops/grad_scaler_test.cpp.
TEST_F(Reference, OnlyF16ScalesTheLoss) {
  runs::TrainConfig config;
  config.read(train_arguments(folder_->path(), *folder_ / "shop", "f16")[0], settings("augmentation"));
  const runs::DataPlan plan = runs::plan_data(config);
  const ModelInfo info = train::model_info(config, plan);
  for (const char* precision : {"f32", "bf16", "f16"}) {
    config.train.precision = precision;
    const bool scaled = config.train.precision == "f16";
    train::Learner learner(config, plan, info);
    EXPECT_EQ(learner.optimizer().state().scale, scaled ? 4096 : 1) << precision;
    EXPECT_EQ(learner.optimizer().seeds(Tensor::full({1}, 3, Device::cpu), 2)[0].item(), scaled ? 3 * 2048 : 1.5f);
    Var bias;
    learner.model().visit("", [&](const std::string& name, Var& value, Role) {
      if (name == "heads.kind.bias") bias = value;
    });
    const std::vector<float> before = bias.value().to_vector<float>();
    const Tensor broken = Tensor::full(bias.shape(), INFINITY, Device::cpu);
    Var::record("op", Tensor::full({}, 0, Device::cpu), {bias}, [&](const Tensor&) {
      return std::vector<Tensor>{broken};
    }).backward();
    learner.optimizer().step(0.1f);
    if (!scaled) continue;
    EXPECT_EQ(learner.optimizer().state().scale, 2048);
    EXPECT_EQ(learner.optimizer().state().updates, 0);
    EXPECT_EQ(bias.value().to_vector<float>(), before);
  }
}

// What pctrain logs of a run with these settings.
std::vector<json> Reference::run_of(const std::string& name, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = train_arguments(folder_->path(), *folder_ / "shop", run().filename());
  for (const std::string& s : settings(name)) arguments.insert(arguments.end(), {"--set", s});
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = run_program("pctrain", arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return events_of(run());
}

TEST_F(Reference, TheProgramsResultIsTheAverage) {
  const json& want = golden("stages join one by one");
  const std::vector<json> log = run_of("stages join one by one"), epochs = epochs_of(log);
  ASSERT_EQ(epochs.size(), want["epochs"].size());
  const std::size_t steps = want["steps"].size() / epochs.size();
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    SCOPED_TRACE(fmt::format("epoch {}", e + 1));
    const json &train = epochs[e]["train"], &sums = want["epochs"][e];
    const double rate = want["steps"][e * steps + steps - 1][0];
    EXPECT_EQ(epochs[e]["epoch"], e + 1);
    EXPECT_NEAR(epochs[e]["lr"].get<double>(), rate, 1e-6 * rate);
    for (std::size_t head = 0; head < 2; ++head) {
      const double loss = sums[head][0].get<double>() / kTrained;
      EXPECT_NEAR(train[kHeads[head]]["loss"].get<double>(), loss, 1e-3 * loss);
      EXPECT_NEAR(train[kHeads[head]]["accuracy"].get<double>(),
                  sums[head][1].get<double>() / sums[head][2].get<double>(), 1e-6);
    }
  }
  EXPECT_EQ(log.back()["epoch"], 13);
  const json& start = log.front();
  const int64_t filters = 9 * (3 * 32 + 32 * 64 + 64 * 128 + 128 * 256), norms = 2 * (32 + 64 + 128 + 256);
  EXPECT_EQ(start["parameters"], filters + norms + 257 * (3 + 2));
  EXPECT_EQ((std::vector<int>{start["train"], start["val"], start["test"]}), (std::vector<int>{kTrained, 8, 4}));
  expect_like(*load_model(run() / "model.safetensors").model, want["average"]);
}

// The average's weights of the best epoch, though later ones were trained; a later one that is as good does not count.
TEST_F(Reference, PatienceSavesTheBestAverage) {
  const json& want = golden("patience");
  const std::vector<json> log = run_of("patience"), epochs = epochs_of(log);
  ASSERT_EQ(epochs.size(), want["epochs"].size());
  for (std::size_t e = 0; e < epochs.size(); ++e)
    for (std::size_t head = 0; head < 2; ++head) {
      SCOPED_TRACE(fmt::format("epoch {}, {}", e + 1, kHeads[head]));
      const json &train = epochs[e]["train"][kHeads[head]], &sums = want["epochs"][e]["train"][head];
      EXPECT_NEAR(train["loss"].get<double>(), sums[0].get<double>(), 1e-3 * sums[0].get<double>());
      EXPECT_NEAR(train["accuracy"].get<double>(), sums[1].get<double>(), 1e-6);
      EXPECT_NEAR(epochs[e]["val"][kHeads[head]]["accuracy"].get<double>(),
                  want["epochs"][e]["val"][head].get<double>(), 1e-6);
    }
  EXPECT_EQ(log.back()["event"], "test");
  EXPECT_EQ(log.back()["epoch"], want["best_epoch"]);
  expect_like(*load_model(run() / "model.safetensors").model, want["model"]);
}

TEST_F(Reference, APatienceOfOneEndsWithTheFirstEpochThatIsNoBetter) {
  const std::vector<json> log = run_of("patience", {"--set", "train.patience=1"});
  EXPECT_EQ(epochs_of(log).size(), 3u);
  EXPECT_EQ(log.back()["epoch"], 2);
}

// The best epoch so far, and how good it was, outlive the program.
TEST_F(Reference, PatienceGoesOnInALaterProgram) {
  run_of("patience", {"--set", "train.epochs=5"});
  EXPECT_EQ(run_of("patience").back()["epoch"], golden("patience")["best_epoch"]);
  expect_like(*load_model(run() / "model.safetensors").model, golden("patience")["model"]);
}

// A finished run that gets more epochs continues where it was: weights, moments, average, and which parts learn.
TEST_F(Reference, MoreEpochsContinueARun) {
  run_of("parts stay frozen", {"--set", "train.epochs=3"});
  EXPECT_EQ(epochs_of(run_of("parts stay frozen")).size(), 8u);
  expect_like(*load_model(run() / "model.safetensors").model, golden("parts stay frozen")["average"]);
}

// Later steps, at rates that shake the weights, are nobody's business.
TEST_F(Reference, LrFindTakesTheFirstStepsOfARun) {
  run_of("lr find", {"--lr-find"});
  std::istringstream rows(read_file(run() / "lr_find.csv"));
  std::string row;
  std::getline(rows, row);
  for (const json& want : golden("lr find")["probes"]) {
    double lr = 0, loss = 0;
    ASSERT_TRUE(std::getline(rows, row) && std::sscanf(row.c_str(), "%lf,%lf", &lr, &loss) == 2);
    EXPECT_NEAR(lr, want[0].get<double>(), 1e-6 * lr);
    EXPECT_NEAR(loss, want[1].get<double>(), 1e-3 * loss) << "at " << lr;
  }
}

}  // namespace
}  // namespace pc::test
