// What the network answered the test pictures, and how confident it was.
#pragma once

#include <span>
#include <vector>

#include "models/model_file.h"
#include "tools/evaluate/head_score.h"
#include "tools/evaluate/labeled_logits.h"

namespace pc {

// One picture under one head. Of its logits only this is kept, or a head of many classes would take all memory.
struct Tested {
  uint32_t item;
  int32_t truth, answer;  // classes
  int32_t label;          // the head's own label that the answer stands for: the same without a map of classes
  double p;               // of the answer
  double tempered;        // the same behind the head's temperature
  double p_truth;         // of the label
  double loss;            // -log p_truth
};

struct TestedHead {
  HeadScore score;
  std::vector<std::string> classes, labels;  // their names
  std::vector<Tested> pictures;              // those with a label, in order
};

// One per head, of the answers to `items`; pictures without a label count as unknown.
std::vector<TestedHead> test_pass(const ModelInfo& info, const LabeledLogits& answered,
                                  std::span<const uint32_t> items);

// What the logits of one picture say, of which `truth` is correct.
Tested tested(uint32_t item, std::span<const float> logits, int32_t truth, double temperature);

}  // namespace pc
