// Which of the images to be scored a model has seen before: what is known of it, for people to judge the score by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tools/evaluate/score.h"

namespace pc::evaluate {

struct Seen {
  std::optional<int64_t> images;  // so many of the plan trained or validated the model; nothing: not known
  std::string text;               // a line that says so
};

// From the model's record of its test images, if it was trained on this data set, else from the file names in split.csv
// next to the model. Errors: as CsvReader.
Seen seen_by(const std::filesystem::path& model, const ModelInfo& info, const ScorePlan& plan, const std::string& root);

}  // namespace pc::evaluate
