// From what a model answers to labeled pictures that it did not train on to its calibration.
#pragma once

#include <vector>

#include "models/model_file.h"
#include "tools/evaluate/calibration_math.h"
#include "tools/evaluate/labeled_logits.h"
#include "tools/predict/verdict.h"

namespace pc {

// Of the pictures with a label under this head.
Evidence evidence_of(const LabeledLogits& answered, std::size_t head);

// What the model names, per picture and head.
std::vector<std::vector<Named>> name_all(const ModelInfo& info, const LabeledLogits& answered, int percent);

constexpr int kPrecisions[] = {90, 95, 99};  // percent

// Sets a temperature per head, thresholds per label for those precisions, and the limit of novelty that 1 % of the
// pictures exceed. An earlier calibration stays for heads without a label here, and its idea of what products look like
// stays too; fewer than 100 pictures set no limit.
void fit_calibration(ModelInfo& info, const LabeledLogits& answered);

}  // namespace pc
