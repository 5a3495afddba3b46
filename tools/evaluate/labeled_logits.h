// Labeled pictures with what a network says of them.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tools/predict/predictor.h"

namespace pc {

// Pictures and what the network says of them.
struct LabeledLogits {
  std::vector<Logits> logits;                // per picture
  std::vector<std::vector<int32_t>> labels;  // per picture and head; -1: none
  void add(const Logits& picture, std::vector<int32_t> of_heads) {
    logits.push_back(picture);
    labels.push_back(std::move(of_heads));
  }
};

}  // namespace pc
