// Contenders: several models that are scored side by side, and what of two data sets each of them can be scored on.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/evaluate/shift.h"

namespace pc::evaluate {

// A model, and the two data sets as it is scored on them; absent where it knows none of the classes.
struct Contender {
  std::filesystem::path path;
  ModelInfo info;
  std::string head;
  std::optional<ScorePlan> data, photos;
};

// Reads what the models say of themselves, not their weights. Sets `label` to the column of the data that all of them
// are scored on. Errors: as measure_shift.
std::vector<Contender> line_up(const ShiftSettings& settings, std::string& label);

// The pictures of the data that every model is to be scored on; none where no model knows a label.
std::vector<std::size_t> common_items(const std::vector<Contender>& models, const std::string& root);

// The classes of the photos that every model can name that can name any.
std::set<std::string> common_classes(const std::vector<Contender>& models);

// The map's labels that no model's chosen head knows.
std::vector<std::string> unknown_labels(const std::vector<Contender>& models, const ClassMap& map);

}  // namespace pc::evaluate
