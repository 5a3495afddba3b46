// The numbers that make_engine_golden.py wrote.
#pragma once

#include <nlohmann/json.hpp>

#include "kernels/base/file.h"

namespace pc::test {

inline const nlohmann::json& engine_golden() {
  static const auto golden = nlohmann::json::parse(read_file(PC_SOURCE_DIR "/tests/engine/engine_golden.json"));
  return golden;
}

}  // namespace pc::test
