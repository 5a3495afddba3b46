// What a run leaves for people to check it with: who was in which split, and some test pictures that the model never saw.
#pragma once

#include <filesystem>

#include "tools/train/data_plan.h"

namespace pc {

// split.csv: "file,split" of every readable picture, in catalogue order.
void write_split(const std::filesystem::path& path, const DataPlan& plan);

// Writes up to `count` test pictures, spread over the test split, as FOLDER/LABELS-NUMBER.png.
void write_held_back(const std::filesystem::path& folder, const DataPlan& plan, int count);

}  // namespace pc
