// A whole run leaves a calibrated model, and says how far its answers can be trusted.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "models/model_file.h"
#include "tests/support.h"
#include "tests/train/runs.h"

namespace pc::test {
namespace {

using nlohmann::json;

class Calibrated : public testing::Test {
 protected:
  void SetUp() override { make_colors(folder_ / "colours", 70); }
  // One epoch; of 210 pictures 105 validate with val = 0.5.
  Outcome train(const std::string& val) {
    std::vector<std::string> arguments = train_arguments(folder_.path(), folder_ / "colours", "run");
    for (const std::string& setting : {"data.val=" + val, std::string("train.epochs=1")})
      arguments.insert(arguments.end(), {"--set", setting});
    return run_program("pctrain", arguments);
  }
  ModelInfo info() const { return load_model(run_ / "model.safetensors").info; }
  std::vector<json> events(const std::string& kind) const {
    std::ifstream file(run_ / "metrics.jsonl");
    std::vector<json> found;
    for (std::string line; std::getline(file, line);)
      if (json event = json::parse(line); event["event"] == kind) found.push_back(std::move(event));
    return found;
  }
  TemporaryFolder folder_;
  std::filesystem::path run_ = folder_ / "runs" / "run";
};

TEST_F(Calibrated, TheModelFileHoldsWhatTheLogTells) {
  const Outcome outcome = train("0.5");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("label: at 95 % precision "), std::string::npos) << outcome.err;
  const auto calibration = info().calibration;
  ASSERT_TRUE(calibration);
  const auto logged = events("calibration");
  ASSERT_EQ(logged.size(), 1u);
  const json& head = logged[0]["heads"]["label"];
  ASSERT_EQ(calibration->heads.size(), 1u);
  EXPECT_EQ(calibration->heads[0].temperature, head["temperature"]);
  ASSERT_EQ(calibration->heads[0].thresholds.size(), 3u);
  EXPECT_EQ(calibration->heads[0].thresholds[2].percent, 99);
  EXPECT_EQ(calibration->heads[0].thresholds[2].of_label.size(), 3u);
  ASSERT_TRUE(calibration->novelty);
  EXPECT_EQ(calibration->novelty->limit, logged[0]["novelty"]["limit"]);
  EXPECT_EQ(head["val"]["after"]["n"], 105);
  EXPECT_EQ(head["test"]["after"]["n"], 21);
  // Platt's targets: where every picture is right the fit must not become surer than 106 of 107.
  EXPECT_LE(head["val"]["after"]["nll"].get<double>(), std::max(head["val"]["before"]["nll"].get<double>(), 0.03));
  const json& verdicts = logged[0]["verdicts"]["95"];
  EXPECT_EQ(
      verdicts["accepted"].get<int>() + verdicts["needs review"].get<int>() + verdicts["not a product"].get<int>(), 21);
}

TEST_F(Calibrated, WithoutValidationPicturesThereIsNoneAndThatIsSaid) {
  const Outcome outcome = train("0");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("no validation pictures"), std::string::npos) << outcome.err;
  EXPECT_FALSE(info().calibration);
  EXPECT_TRUE(events("calibration").empty());
}

}  // namespace
}  // namespace pc::test
