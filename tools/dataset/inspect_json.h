// An inspection as one JSON object for scripts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/dataset/inspection.h"

namespace pc::dataset {

// Everything, nothing left out: {"data", "layout", "rows", "repaired_rows", …, "columns": {NAME: {…}},
// "near_duplicates": [[file, …], …], "likely_wrong_labels": {NAME: [[{"file", "label", "suspect"}, …], …]}}.
nlohmann::ordered_json inspection_json(const std::string& name, const data::DataSet& data, const Inspection& found);

}  // namespace pc::dataset
