// What pcdoctor found out about one thing.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kernels/base/error.h"

namespace pc::doctor {

struct Finding {
  enum class State : uint8_t { ok, absent, warning, problem };  // absent: not there, and nothing needs it
  std::string name;                                             // "memory"
  std::string found;                                            // "14.2 GB free of 25.3 GB"
  State state = State::ok;
  std::string advice;    // what to do; empty where all is well
  Exit code = Exit::ok;  // of a problem
};
const char* name_of(Finding::State state);

// One line each, the advice below its finding.
std::string to_text(const std::vector<Finding>& findings);
// {"usable": true, "findings": [{"name", "state", "found", "advice"}, …]}
nlohmann::json to_json(const std::vector<Finding>& findings);
// Of the first problem; ok where there is none.
Exit exit_code(const std::vector<Finding>& findings);

}  // namespace pc::doctor
