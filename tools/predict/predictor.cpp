#include "tools/predict/predictor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "data/decode_settings.h"
#include "data/resize.h"
#include "data/store.h"
#include "engine/ops.h"
#include "kernels/base/directory.h"
#include "kernels/base/error.h"
#include "tools/weights/read_model.h"

namespace pc::predict {
namespace {

namespace fs = std::filesystem;

// The path is checked before it is loaded, so that a wrong flag costs nothing.
const fs::path& checked(const fs::path& model, const PredictorSettings& settings) {
  if (settings.device == Device::cpu) {
    if (settings.precision == DType::f16) fail(Exit::usage, "--precision f16 needs a GPU; the CPU has f32 and bf16");
  } else if (!cuda_available()) {
    fail(Exit::usage, "--device cuda: no usable CUDA device; use --device cpu");
  }
  return model;
}

// The same crop with each side cut to a share of it.
AugmentSample middle_of(AugmentSample sample, float share) {
  sample.crop_x += sample.crop_w * (1 - share) / 2, sample.crop_y += sample.crop_h * (1 - share) / 2;
  sample.crop_w *= share, sample.crop_h *= share;
  return sample;
}

// Rows [pictures * views, n]: the mean of each picture's.
std::vector<std::vector<float>> means_of_views(const Tensor& rows, std::size_t pictures) {
  const std::vector<float> values = rows.to_vector<float>();
  const std::size_t n = std::size_t(rows.dim(1)), views = std::size_t(rows.dim(0)) / pictures;
  std::vector<std::vector<float>> means(pictures, std::vector<float>(n));
  for (std::size_t row = 0; row < pictures * views; ++row)
    for (std::size_t i = 0; i < n; ++i) means[row / views][i] += values[row * n + i] / float(views);
  return means;
}

}  // namespace

Tensor stacked(const std::vector<Tensor>& parts) {
  if (parts.size() == 1) return parts.front();
  Shape shape = parts.front().shape();
  shape[0] *= int64_t(parts.size());
  Tensor all(shape, parts.front().dtype(), Device::cpu);
  for (std::size_t i = 0; i < parts.size(); ++i)
    std::memcpy(all.as<std::byte>() + i * parts[i].bytes(), parts[i].data(), parts[i].bytes());
  return all;
}

DefaultModel default_model(const fs::path& folder) {
  if (const char* named = std::getenv("PC_MODEL"); named && *named) return {named, "as PC_MODEL says"};
  int runs = 0;
  fs::path latest;
  fs::file_time_type latest_time;
  for (const fs::path& run : list_folder(folder / "runs")) {
    const fs::path model = run / "model.safetensors";
    std::error_code absent;
    const auto time = fs::last_write_time(model, absent);
    runs += absent ? 0 : 1;
    if (absent || (!latest.empty() && (time < latest_time || (time == latest_time && model < latest)))) continue;
    latest = model, latest_time = time;
  }
  if (latest.empty())
    fail(Exit::usage,
         "no model: name one with --model FILE or PC_MODEL, or train one with pctrain (no runs/*/model.safetensors "
         "here)");
  return {latest.lexically_normal(),
          runs == 1 ? "the only finished run here" : fmt::format("the latest of {} runs", runs)};
}

Predictor::Predictor(const fs::path& model, const PredictorSettings& settings)
    : Predictor(weights::read_model(checked(model, settings)), model, settings) {}

Predictor::Predictor(LoadedModel model, const fs::path& path, const PredictorSettings& settings)
    : path_(checked(path, settings)), settings_(settings), loaded_(std::move(model)) {
  if (settings.device != Device::cpu) move_to(*loaded_.model, settings.device);
  if (!settings.adaptable) loaded_.model->only_infer();
  self_test_ = run_self_test(loaded_, settings.device, settings.precision, path_.string());
}

// A picture takes the way of the packed store: training saw it so.
data::DecodeSettings Predictor::decoding() const {
  return data::decode_settings(data::store_settings(loaded_.info.preprocess.height, loaded_.info.preprocess.width));
}

Tensor Predictor::prepare(data::Image image) const {
  const Preprocess& preprocess = loaded_.info.preprocess;
  image = data::resize_to_short_side(std::move(image), decoding().min_side);
  std::vector<AugmentSample> samples{preprocess.identity(0, image.h, image.w)};
  if (settings_.views) {
    samples.push_back(samples[0]);
    samples.back().flip = 1;
    for (const float share : {0.95f, 0.9f}) samples.push_back(middle_of(samples[0], share));
  }
  return augment(preprocess.shape(), settings_.precision, Device::cpu, {.pixels = image.pixels.data()}, samples);
}

std::vector<Outcome> Predictor::answer(const std::vector<Tensor>& inputs) {
  const NoGrad no_grad;
  std::vector<Outcome> all(inputs.size());
  if (inputs.empty()) return all;
  const Var mean = global_avg_pool(loaded_.model->features(Var(stacked(inputs).to(settings_.device)), Mode::infer));
  for (const Var& head : loaded_.model->logits_of(mean)) {
    const auto rows = means_of_views(head.value(), inputs.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!std::all_of(rows[i].begin(), rows[i].end(), [](float v) { return std::isfinite(v); }))
        all[i].error = path_.string() + " answers with infinite or undefined numbers", all[i].code = Exit::numeric;
      all[i].logits.push_back(rows[i]);
    }
  }
  auto embeddings = means_of_views(mean.value(), inputs.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i].embedding = std::move(embeddings[i]);
  return all;
}

std::vector<Logits> Predictor::predict(const std::vector<Tensor>& inputs) {
  std::vector<Logits> all;
  for (Outcome& outcome : answer(inputs)) {
    if (outcome.code != Exit::ok) fail(outcome.code, outcome.error);
    all.push_back(std::move(outcome.logits));
  }
  return all;
}

}  // namespace pc::predict
