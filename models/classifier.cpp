#include "models/classifier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/error.h"
#include "models/architectures.h"
#include "models/resnet.h"
#include "models/small_cnn.h"

namespace pc {

std::vector<Var> Classifier::forward(const Var& x, Mode mode) {
  std::optional<NoGrad> off;
  if (mode == Mode::infer) off.emplace();
  return logits_of(mean_features(x, mode));
}

std::vector<Var> Classifier::logits_of(const Var& mean) const {
  std::vector<Var> logits;
  for (const Linear& head : heads_) logits.push_back(head.forward(mean));
  return logits;
}

void Classifier::make_heads(int features, Initializer& init) {
  for (const HeadShape& head : head_shapes_) heads_.emplace_back(features, head.classes, init);
}

void Classifier::visit_heads(const std::string& prefix, const Visitor& visitor) {
  for (std::size_t i = 0; i < heads_.size(); ++i) heads_[i].visit(join(prefix, head_prefix(head_shapes_, i)), visitor);
}

int stages_above(const std::string& member) {
  constexpr int kStages = 4;
  if (is_head(member)) return 0;
  for (int stage = kStages; stage >= 1; --stage)
    if (member.starts_with(fmt::format("layer{}.", stage))) return kStages + 1 - stage;
  return kStages + 1;
}

std::unique_ptr<Classifier> make_classifier(const std::string& architecture, const std::vector<HeadShape>& heads,
                                            std::optional<uint64_t> seed) {
  if (architecture == "smallcnn") return std::make_unique<SmallCnn>(heads, seed);
  const auto found = resnets().find(architecture);
  if (found == resnets().end())
    fail(Exit::usage,
         fmt::format("unknown architecture \"{}\"; known: {}", architecture, fmt::join(architectures(), ", ")));
  return std::make_unique<ResNet>(found->second, heads, seed);
}

}  // namespace pc
