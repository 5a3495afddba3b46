// ResNets against PyTorch in f64 (make_resnet_golden.py): logits, loss, gradient of every parameter, statistics, losses
// of SGD steps.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "kernels/base/file.h"
#include "tests/models/support.h"

namespace pc {
namespace {

using nlohmann::json;
using test::Fingerprint;

constexpr double kTolerance = 1e-4;

class ResNetGolden : public testing::TestWithParam<std::tuple<const char*, Device>> {
 protected:
  void SetUp() override {
    PC_NEEDS(device());
    golden_ = json::parse(read_file(PC_SOURCE_DIR "/tests/models/" + architecture() + "_golden.json"));
    const json& s = golden_["shape"];
    x_ = test::pictures(golden_["seed"], s[0], s[1], s[2]).to(device());
    labels_ = golden_["labels"].get<std::vector<int32_t>>();
    model_ = test::formula_model(architecture(), {{"label", 10}}, device());
  }
  std::string architecture() const { return std::get<0>(GetParam()); }
  Device device() const { return std::get<1>(GetParam()); }
  const json& at(const std::string& key) const { return golden_.at(key); }

  void expect_logits(const Tensor& logits, const std::string& key, double tolerance = kTolerance) const {
    std::vector<float> want;
    for (const json& row : at(key))
      for (const json& v : row) want.push_back(v);
    EXPECT_LE(test::distance(logits.to_vector<float>(), want), tolerance) << key;
  }

  json golden_;
  Tensor x_;
  std::vector<int32_t> labels_;
  std::unique_ptr<Classifier> model_;
};

// The distance of two tensors relative to the norm, estimated from their projections: for random signs s the mean
// square of s.(a - b) is ||a - b||^2 (Johnson & Lindenstrauss).
double estimated_distance(const Fingerprint& got, const json& want) {
  double squares = 0;
  for (std::size_t i = 0; i < got.projections.size(); ++i) {
    const double d = got.projections[i] - want["projections"][i].get<double>();
    squares += d * d;
  }
  return std::sqrt(squares / double(got.projections.size())) / want["norm"].get<double>();
}

double expect_fingerprint(const std::string& name, const Tensor& tensor, const json& want) {
  const Fingerprint got = test::fingerprint(name, tensor, want["projections"].size());
  const double norm = want["norm"], distance = estimated_distance(got, want),
               rms = norm / std::sqrt(double(tensor.size()));
  EXPECT_LE(distance, kTolerance) << name;
  EXPECT_LE(std::abs(got.norm - norm), kTolerance * norm) << name;
  for (std::size_t i = 0; i < got.samples.size(); ++i) {
    const double sample = want["samples"][i];
    EXPECT_NEAR(got.samples[i], sample, kTolerance * (std::abs(sample) + rms)) << name << " sample " << i;
  }
  return distance;
}

TEST_P(ResNetGolden, EvaluationLogits) {
  const NoGrad off;
  expect_logits(model_->forward(Var(x_), Mode::eval).at(0).value(), "eval_logits");
  expect_logits(model_->forward(Var(x_), Mode::infer).at(0).value(), "eval_logits");
}

TEST_P(ResNetGolden, TrainingLogitsAndLoss) {
  const Var logits = model_->forward(Var(x_), Mode::train).at(0);
  // ResNet50's batch statistics of few values magnify rounding: PyTorch's own f32 is 6e-5 from its f64 there.
  expect_logits(logits.value(), "logits", std::max(kTolerance, 4 * at("logits_error_of_pytorch_in_f32").get<double>()));
  const double loss = at("loss");
  EXPECT_NEAR(cross_entropy(logits, Targets::of(labels_, device()), 0.05f).value().item(), loss, kTolerance * loss);
}

TEST_P(ResNetGolden, TheGradientOfEveryParameter) {
  test::train_pass(*model_, x_, labels_, 0.05f, at("gradient_mode") == "train" ? Mode::train : Mode::eval);
  std::size_t seen = 0;
  double worst = 0;
  model_->visit("", [&](const std::string& name, Var& v, Role role) {
    if (role != Role::parameter) return;
    ++seen;
    ASSERT_FALSE(v.grad().empty()) << name;
    worst = std::max(worst, expect_fingerprint(name, v.grad(), at("gradient " + name)));
  });
  std::size_t known = 0;
  for (const auto& [key, value] : golden_.items()) known += key.starts_with("gradient ");
  EXPECT_EQ(seen, known);
  RecordProperty("worst_relative_error", std::to_string(worst));
}

TEST_P(ResNetGolden, RunningStatistics) {
  test::train_pass(*model_, x_, labels_, 0.05f);
  model_->visit("", [&](const std::string& name, Var& v, Role role) {
    if (role == Role::buffer) expect_fingerprint(name, v.value(), at("buffer " + name));
  });
}

TEST_P(ResNetGolden, LossesOfSgdSteps) {
  Optimizer optimizer(*model_, {.kind = "sgd", .momentum = 0.9f, .nesterov = false, .weight_decay = 5e-4f});
  for (const json& want : at("losses")) {
    const double loss = want;
    EXPECT_NEAR(test::train_step(*model_, optimizer, x_, labels_, 0.01f, 0.05f), loss, kTolerance * loss)
        << "step " << optimizer.state().steps;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ResNetGolden,
                         testing::Combine(testing::Values("resnet18", "resnet50"),
                                          testing::Values(Device::cpu, Device::cuda)),
                         [](const auto& p) {
                           return std::string(std::get<0>(p.param)) + "_" + name_of(std::get<1>(p.param));
                         });

}  // namespace
}  // namespace pc
