// The shift report as a table for people and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/evaluate/shift.h"

namespace pc::evaluate {

nlohmann::ordered_json to_json(const ShiftReport& report);
std::string to_table(const ShiftReport& report);

}  // namespace pc::evaluate
