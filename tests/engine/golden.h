// The numbers that make_engine_golden.py wrote.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/file.h"

namespace pc::test {

inline nlohmann::json engine_golden() {
  return nlohmann::json::parse(read_file(PC_SOURCE_DIR "/tests/engine/engine_golden.json"));
}

}  // namespace pc::test
