#include "tools/predict/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/ops.h"
#include "kernels/base/directory.h"
#include "tools/cli/output_file.h"
#include "tools/predict/verdict.h"

namespace pc::predict {

std::size_t explained_head(const ModelInfo& info, const std::string& name) {
  if (name.empty()) return 0;
  const std::vector<std::string> names = info.head_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    fail(Exit::usage, fmt::format("--explain-head {}: the model has {}", name, fmt::join(names, ", ")));
  return std::size_t(found - names.begin());
}

std::vector<Heat> evidence(Predictor& predictor, const Tensor& input, const Logits& logits) {
  const NoGrad no_grad;
  Classifier& model = predictor.model();
  const Tensor features = model.features(Var(input.to(predictor.device())), Mode::infer).value();
  const std::vector<int32_t> named = joint_labels(predictor.info().hierarchy, logits, temperatures(predictor.info()));
  const MapInput seen{.grid = model.map_grid(), .height = int(input.dim(1)), .width = int(input.dim(2))};
  std::vector<Heat> heats;
  for (std::size_t h = 0; h < named.size(); ++h) {
    const auto likeliest = std::max_element(logits[h].begin(), logits[h].end()) - logits[h].begin();
    const int label = named[h] < 0 ? int(likeliest) : named[h];
    heats.push_back(class_activation(features, 0, model.head_weight(h), label, seen));
  }
  return heats;
}

data::Image explain(Predictor& predictor, const Tensor& input, const Logits& logits, std::size_t head) {
  return overlay(network_view(input, 0, predictor.info().preprocess), evidence(predictor, input, logits)[head]);
}

bool is_explanation_file(const std::string& path) {
  return !path.ends_with('/') && std::filesystem::path(path).has_extension() && !is_folder(path);
}

void check_explanation(const std::string& path, std::optional<int64_t> images, bool force) {
  if (!is_explanation_file(path)) return;
  cli::check_output(path, {".png"}, force);
  if (images != 1)
    fail(Exit::usage, fmt::format("--explain {}: holds the heat map of one image; name a directory for {}", path,
                                  images ? fmt::format("those of {}", *images) : "those of a list"));
}

std::filesystem::path explanation_path(const std::filesystem::path& folder, const std::string& file) {
  std::filesystem::path path = folder;
  for (const auto& part : std::filesystem::path(file).relative_path())
    if (part != ".." && part != ".") path /= part;
  return path += ".png";
}

}  // namespace pc::predict
