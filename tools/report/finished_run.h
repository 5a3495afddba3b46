// A training run that has finished, as its report needs it.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/model_file.h"
#include "tools/report/material.h"
#include "tools/runs/batches.h"
#include "tools/runs/data_plan.h"
#include "tools/runs/train_config.h"

namespace pc {

struct FinishedRun {
  std::filesystem::path folder;
  TrainConfig& config;
  const DataPlan& plan;
  const ModelInfo& info;
  Classifier& model;
  const BatchMaker& batches;
};

// The tested pictures of a training run, and what else is known of it.
struct RunMaterial : Material {
  const FinishedRun& run;
  std::vector<nlohmann::json> events;

  // The last event of this kind; null where there is none.
  const nlohmann::json& event(const std::string& kind) const;
};

}  // namespace pc
