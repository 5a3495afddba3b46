// A model file is a self-contained safetensors file: weights with torchvision's names, and in its metadata the
// architecture, the labels of every head, the preprocessing, and calibration data.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "engine/safetensors.h"
#include "models/classifier.h"
#include "models/model_info.h"
#include "models/self_test.h"

namespace pc {

// Adds a self-test of the current weights, with the key "pc.self_test". Errors: as save_state.
void save_model(const std::filesystem::path& path, const ModelInfo& info, Classifier& model);

struct LoadedModel {
  ModelInfo info;
  std::unique_ptr<Classifier> model;
  std::optional<SelfTest> self_test;  // not run yet; absent in older files and in those of other tools
};
// On the CPU; shares no memory with the file. Throws Error(data) for weights that do not match, with the names of the
// first five. Programs call read_model() of tools/weights, which also says what a file is that is not a model.
LoadedModel load_model(const WeightFile& file, const std::string& path);
LoadedModel load_model(const std::filesystem::path& path);

}  // namespace pc
