// Predictor: a model file ready to answer, and the stream of pictures through it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/image.h"
#include "kernels/runtime/error.h"
#include "models/model_file.h"

namespace pc {

// $PC_MODEL, else the newest runs/NAME/model.safetensors below `folder`. Throws Error(usage) with the ways out where
// there is none.
std::filesystem::path default_model(const std::filesystem::path& folder = ".");

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

class Predictor {
 public:
  // Errors: as load_model; Error(usage) for a device or precision that is not there.
  Predictor(const std::filesystem::path& model, const PredictorSettings& settings);

  const ModelInfo& info() const { return loaded_.info; }
  Device device() const { return settings_.device; }
  // How a picture is to be decoded for prepare().
  DecodeSettings decoding() const;
  // The network's input of one picture, on the CPU: [1, height, width, 3], to the bit what training made of the same
  // file; with `views` [4, …]. Any thread may call it.
  Tensor prepare(Image image) const;
  // `inputs` are what prepare() made. Throws Error(numeric) where a logit is not finite.
  std::vector<Logits> predict(const std::vector<Tensor>& inputs);
  Classifier& model() { return *loaded_.model; }  // of an adaptable one

 private:
  std::filesystem::path path_;
  PredictorSettings settings_;
  LoadedModel loaded_;
};

// What became of one picture: logits, or an error with its exit code.
struct Outcome {
  Logits logits;
  std::string error;
  Exit code = Exit::ok;
};

// A picture on its way into the network.
struct Prepared {
  Tensor input;  // empty: the outcome says why
  Outcome outcome;
};
// Calls sink(begin, pictures) for one batch after the other, on this thread, while the next batch is decoded by all
// threads: memory is bounded by two batches of network inputs and one picture per thread. An Error that `decode` throws
// becomes the outcome of that picture.
void prepare_all(const Predictor& predictor, std::size_t count, const std::function<Image(std::size_t)>& decode,
                 int batch, const std::function<void(std::size_t begin, std::vector<Prepared>&)>& sink);

std::vector<Tensor> inputs_of(const std::vector<Prepared>& pictures);  // of those that have one

// Predicts all of them: sink(i, outcome) for i = 0 … count-1 in this order, on this thread.
void predict_all(Predictor& predictor, std::size_t count, const std::function<Image(std::size_t)>& decode, int batch,
                 const std::function<void(std::size_t, const Outcome&)>& sink);

}  // namespace pc
