#include "models/architectures.h"

namespace pc {

const std::map<std::string, ResNetOptions>& resnets() {
  static const std::map<std::string, ResNetOptions> table{
      {"resnet18", {.bottleneck = false, .blocks = {2, 2, 2, 2}}},
      {"resnet34", {.bottleneck = false, .blocks = {3, 4, 6, 3}}},
      {"resnet50", {.bottleneck = true, .blocks = {3, 4, 6, 3}}},
      {"resnet101", {.bottleneck = true, .blocks = {3, 4, 23, 3}}},
  };
  return table;
}

std::vector<std::string> architectures() {
  std::vector<std::string> names{"smallcnn"};
  for (const auto& [name, options] : resnets()) names.push_back(name);
  return names;
}

}  // namespace pc
