// JSON as the programs write it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace pc::cli {

// On one line, without a line break. Names and paths need not be UTF-8: what is not becomes U+FFFD.
inline std::string one_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pc::cli
