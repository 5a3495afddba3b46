// What a model file keeps for its self-test.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "models/head_shape.h"

namespace pc {

struct SelfTest {
  int h = 0, w = 0;
  std::vector<uint8_t> pixels;             // h x w x 3, RGB, as from a decoder
  std::vector<std::vector<float>> logits;  // per head, computed in f32
};

// {"height", "width", "pixels": [0 … 255, …], "logits": {HEAD: […]}}
nlohmann::json to_json(const SelfTest& test, const std::vector<HeadShape>& heads);
// Throws std::exception if it does not match the heads.
SelfTest self_test_from_json(const nlohmann::json& j, const std::vector<HeadShape>& heads);

}  // namespace pc
