// A part of a model's description by itself, of a model with two heads.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/base/error.h"
#include "models/head_shape.h"

namespace pc::fuzz {

inline const std::vector<HeadShape> kHeads{{"kind", 2}, {"color", 3}};

template <class FromJson>
auto read_of_heads(const std::string& text, FromJson from_json) {
  try {
    return from_json(nlohmann::json::parse(text), kHeads);
  } catch (const std::exception& e) {  // as the reader of model files has it
    fail(Exit::data, e.what());
  }
}

}  // namespace pc::fuzz
