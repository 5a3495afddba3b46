// A model file as a program is given it: what is something else is named, with the way out.
#pragma once

#include <filesystem>

#include "models/model_file.h"

namespace pc::weights {

// As load_model. Error(data) for a file that is no model says what it is; Error(file) for a directory names the model
// in it, if there is one.
LoadedModel read_model(const std::filesystem::path& path);

// Its bytes alone, read into memory: for load_model() and whatever has to see the same ones. Errors: as read_model.
WeightFile read_model_file(const std::filesystem::path& path);

}  // namespace pc::weights
