#include "tools/doctor/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pc::doctor {

const char* name_of(Finding::State state) {
  switch (state) {
    case Finding::State::ok:
      return "ok";
    case Finding::State::absent:
      return "absent";
    case Finding::State::warning:
      return "warning";
    case Finding::State::problem:
      return "problem";
  }
  return "";
}

std::string to_text(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& f : findings) {
    text += fmt::format("{:<8} {:<9} {}\n", name_of(f.state), f.name, f.found);
    if (!f.advice.empty()) text += fmt::format("{:18} -> {}\n", "", f.advice);
  }
  return text;
}

nlohmann::json to_json(const std::vector<Finding>& findings) {
  nlohmann::json list = nlohmann::json::array();
  for (const Finding& f : findings)
    list.push_back({{"name", f.name}, {"state", name_of(f.state)}, {"found", f.found}, {"advice", f.advice}});
  return {{"usable", exit_code(findings) == Exit::ok}, {"findings", list}};
}

Exit exit_code(const std::vector<Finding>& findings) {
  const auto problem = std::find_if(findings.begin(), findings.end(),
                                    [](const Finding& f) { return f.state == Finding::State::problem; });
  return problem == findings.end() ? Exit::ok : problem->code;
}

}  // namespace pc::doctor
