#include "models/classifier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "kernels/runtime/error.h"
#include "models/resnet.h"

namespace pc {
namespace {

const std::map<std::string, ResNetOptions>& resnets() {
  static const std::map<std::string, ResNetOptions> table{
      {"resnet18", {.bottleneck = false, .blocks = {2, 2, 2, 2}}},
      {"resnet34", {.bottleneck = false, .blocks = {3, 4, 6, 3}}},
      {"resnet50", {.bottleneck = true, .blocks = {3, 4, 6, 3}}},
      {"resnet101", {.bottleneck = true, .blocks = {3, 4, 23, 3}}},
  };
  return table;
}

}  // namespace

std::string head_prefix(const std::vector<HeadShape>& heads, std::size_t i) {
  return heads.size() == 1 ? "fc" : "heads." + heads[i].name;
}

bool is_head(const std::string& member) { return member.starts_with("fc.") || member.starts_with("heads."); }

int stages_above(const std::string& member) {
  constexpr int kStages = 4;
  if (is_head(member)) return 0;
  for (int stage = kStages; stage >= 1; --stage)
    if (member.starts_with(fmt::format("layer{}.", stage))) return kStages + 1 - stage;
  return kStages + 1;
}

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const auto& [name, options] : resnets()) names.push_back(name);
  return names;
}

std::unique_ptr<Classifier> make_classifier(const std::string& architecture, const std::vector<HeadShape>& heads,
                                            std::optional<uint64_t> seed) {
  const auto found = resnets().find(architecture);
  if (found == resnets().end())
    fail(Exit::usage, fmt::format("unknown architecture \"{}\"; known: {}", architecture, fmt::join(architectures(), ", ")));
  return std::make_unique<ResNet>(found->second, heads, seed);
}

}  // namespace pc
