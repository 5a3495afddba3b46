// From labelled pictures that a model did not train on to its calibration.
#pragma once

#include <vector>

#include "models/model_file.h"
#include "tools/evaluate/calibration_fit.h"
#include "tools/predict/predictor.h"
#include "tools/predict/verdict.h"

namespace pc {

// Pictures and what the network says of them.
struct CalibrationSet {
  std::vector<Logits> logits;                // per picture
  std::vector<std::vector<int32_t>> labels;  // per picture and head; -1: none
  void add(const Logits& picture, std::vector<int32_t> of_heads) {
    logits.push_back(picture);
    labels.push_back(std::move(of_heads));
  }
};

// Of the pictures with a label under this head.
Evidence evidence_of(const CalibrationSet& answered, std::size_t head);

// What the model names, per picture and head.
std::vector<std::vector<Named>> name_all(const ModelInfo& info, const CalibrationSet& answered, int percent);

constexpr int kPrecisions[] = {90, 95, 99};  // percent

// Sets a temperature per head, thresholds per label for those precisions, and the limit of novelty that 1 % of the
// pictures exceed. An earlier calibration stays for heads without a label here, and its idea of what products look like
// stays too; fewer than 100 pictures set no limit.
void fit_calibration(ModelInfo& info, const CalibrationSet& answered);

}  // namespace pc
