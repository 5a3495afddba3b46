// The architectures by name. Apart from the networks themselves, so that a configuration can be checked without them.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

namespace pc {

struct ResNetOptions {
  bool bottleneck;
  std::array<int, 4> blocks;  // per stage
};
const std::map<std::string, ResNetOptions>& resnets();

// Every name that make_classifier() (models/classifier.h) takes.
std::vector<std::string> architectures();

}  // namespace pc
