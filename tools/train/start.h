// The model a run starts from: random or given weights, heads re-made, parts frozen.
#pragma once

#include <memory>
#include <string>

#include "models/model_file.h"
#include "tools/runs/data_plan.h"
#include "tools/runs/train_config.h"

namespace pc::train {

// Whether model.weights is a file of weights. Errors: Error(file), Error(usage) with the way to get some; as
// read_weights.
void check_weights(const runs::TrainConfig& config);

// How to get weights of this architecture: "pcdata fetch resnet18 downloads some, trained on ImageNet, and prints their path".
std::string fetch_advice(const std::string& architecture);

ModelInfo model_info(const runs::TrainConfig& config, const runs::DataPlan& plan);

// Weights of model.weights where given: every backbone tensor must fit; a head is kept only where the file says it tells the same labels
// apart, else it starts anew. Says on stderr what was loaded. Errors: Error(data) naming the first five tensors that do not fit.
std::unique_ptr<Classifier> starting_model(const runs::TrainConfig& config, const ModelInfo& info);

}  // namespace pc::train
