// The names that a side of a split goes by: of a directory, and in split.csv.
#pragma once

#include <optional>
#include <string_view>

#include "data/catalog.h"

namespace pc::data {

// "train", "Training", "TEST", "val", "valid", "Validation", "dev", "Train Set", "seg_train", "train2017" …, compared
// as name_key does; nullopt for every other name. Never Split::unused.
std::optional<Split> split_named(std::string_view name);

}  // namespace pc::data
