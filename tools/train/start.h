// The model a run starts from: random or given weights, heads re-made, parts frozen.
#pragma once

#include <memory>

#include "models/model_file.h"
#include "tools/runs/data_plan.h"
#include "tools/runs/train_config.h"

namespace pc {

ModelInfo model_info(const TrainConfig& config, const DataPlan& plan);

// Weights of model.weights where given: every backbone tensor must fit; a head is kept only where the file says it tells the same labels
// apart, else it starts anew. Says on stderr what was loaded. Errors: Error(data) naming the first five tensors that do not fit.
std::unique_ptr<Classifier> starting_model(const TrainConfig& config, const ModelInfo& info);

}  // namespace pc
