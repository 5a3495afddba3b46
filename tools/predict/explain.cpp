#include "tools/predict/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/ops.h"
#include "tools/predict/verdict.h"
#include "tools/report/cam.h"

namespace pc {

std::size_t explained_head(const ModelInfo& info, const std::string& name) {
  if (name.empty()) return 0;
  std::vector<std::string> names;
  for (const Head& head : info.heads) names.push_back(head.name);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    fail(Exit::usage, fmt::format("--explain-head {}: the model has {}", name, fmt::join(names, ", ")));
  return std::size_t(found - names.begin());
}

Image explain(Predictor& predictor, const Tensor& input, const Outcome& outcome, std::size_t head) {
  const NoGrad no_grad;
  const std::vector<float>& logits = outcome.logits[head];
  int32_t label = joint_labels(predictor.info().hierarchy, outcome.logits, temperatures(predictor.info()))[head];
  if (label < 0) label = int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
  Classifier& model = predictor.model();
  const Tensor features = model.features(Var(input.to(predictor.device())), Mode::infer).value();
  return overlay(network_view(input, 0, predictor.info().preprocess),
                 class_activation(features, 0, model.head_weight(head), label));
}

std::filesystem::path explanation_path(const std::filesystem::path& folder, const std::string& file) {
  std::filesystem::path path = folder;
  for (const auto& part : std::filesystem::path(file).relative_path())
    if (part != ".." && part != ".") path /= part;
  return path += ".png";
}

}  // namespace pc
