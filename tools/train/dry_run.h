// What pctrain --dry-run prints of a step.
#pragma once

#include <vector>

#include "tools/train/learner.h"

namespace pc::train {

// On stdout: the input, the sizes of the model and of the activations behind `losses` (one per head, of the first batch), heads and steps.
void describe(const runs::TrainConfig& config, const ModelInfo& info, Learner& learner, const std::vector<Var>& losses);

}  // namespace pc::train
