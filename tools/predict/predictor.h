// Predictor: a model file ready to answer.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/decode_settings.h"
#include "data/image.h"
#include "kernels/base/error.h"
#include "models/model_file.h"
#include "tools/predict/neighbors.h"

namespace pc::predict {

struct DefaultModel {
  std::filesystem::path path;
  std::string reason;  // why it is this one: "as PC_MODEL says", "the latest of 3 runs"
};
// $PC_MODEL, else the latest runs/NAME/model.safetensors below `folder`. Throws Error(usage) with the ways out where
// there is none.
DefaultModel default_model(const std::filesystem::path& folder = ".");

struct PredictorSettings {
  Device device = Device::cpu;
  DType precision = DType::f32;  // of the activations; bf16, and f16 on CUDA
  // Test-time augmentation: the logits are the mean of those of the picture, its mirror image and its middle at 95 %
  // and at 90 % of each side.
  bool views = false;
  bool adaptable = false;  // model() may be trained and visited: costs the memory of the unfolded filters
};

// The inputs of several pictures as one tensor.
Tensor stacked(const std::vector<Tensor>& parts);

// Logits of one picture: one row of f32 per head, in the model's order.
using Logits = std::vector<std::vector<float>>;

// What became of one picture: logits, or an error with its exit code.
struct Outcome {
  Logits logits;
  std::string error;
  Exit code = Exit::ok;
  std::vector<float> embedding;   // the mean of the last feature map, what the heads see
  std::vector<Neighbor> similar;  // the nearest products first, where an index was asked
};

class Predictor {
 public:
  // Runs the model's self-test. Errors: as load_model and check_self_test; Error(usage) for a device or precision that
  // is not there.
  Predictor(const std::filesystem::path& model, const PredictorSettings& settings);
  // The same for a model that is not a file yet; errors name it `path`.
  Predictor(LoadedModel model, const std::filesystem::path& path, const PredictorSettings& settings);

  const ModelInfo& info() const { return loaded_.info; }
  const std::filesystem::path& path() const { return path_; }
  const std::optional<SelfTestResult>& self_test() const { return self_test_; }  // nothing: the file has none
  Device device() const { return settings_.device; }
  // How a picture is to be decoded for prepare().
  data::DecodeSettings decoding() const;
  // The network's input of one picture, on the CPU: [1, height, width, 3], to the bit what training made of the same
  // file; with `views` [4, …]. Any thread may call it.
  Tensor prepare(data::Image image) const;
  // Logits and embedding of each; an image with a logit that is not finite has the code numeric. `inputs` are what
  // prepare() made.
  std::vector<Outcome> answer(const std::vector<Tensor>& inputs);
  std::vector<Logits> predict(const std::vector<Tensor>& inputs);  // the logits alone; throws the first one's error
  Classifier& model() { return *loaded_.model; }                   // to be trained or visited: of an adaptable one

 private:
  std::filesystem::path path_;
  PredictorSettings settings_;
  LoadedModel loaded_;
  std::optional<SelfTestResult> self_test_;
};

}  // namespace pc::predict
