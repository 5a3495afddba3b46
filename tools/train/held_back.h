// What a run leaves for people to try the model on: some test pictures that it never saw.
#pragma once

#include <filesystem>

#include "tools/runs/data_plan.h"

namespace pc {

// Writes up to `count` test pictures, spread over the test split, as FOLDER/LABELS-NUMBER.png.
void write_held_back(const std::filesystem::path& folder, const DataPlan& plan, int count);

}  // namespace pc
