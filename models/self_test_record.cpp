#include "models/self_test_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/json_checks.h"

namespace pc {

using nlohmann::json;

json to_json(const SelfTest& test, const std::vector<HeadShape>& heads) {
  json logits = json::object();
  for (std::size_t h = 0; h < heads.size(); ++h) logits[heads[h].name] = test.logits[h];
  return {{"height", test.h}, {"width", test.w}, {"pixels", test.pixels}, {"logits", logits}};
}

SelfTest self_test_from_json(const json& j, const std::vector<HeadShape>& heads) {
  constexpr int kMostSide = 512;
  SelfTest test{.h = int(integer_at(j, "height", 1, kMostSide)), .w = int(integer_at(j, "width", 1, kMostSide))};
  for (const json& value : j.at("pixels")) test.pixels.push_back(uint8_t(integer(value, "a pixel", 0, 255)));
  if (test.pixels.size() != std::size_t(test.h) * std::size_t(test.w) * 3)
    throw std::out_of_range(fmt::format("{} pixel values for {}x{}", test.pixels.size(), test.w, test.h));
  for (const HeadShape& head : heads) {
    test.logits.push_back(j.at("logits").at(head.name));
    if (test.logits.back().size() != std::size_t(head.classes) ||
        !std::all_of(test.logits.back().begin(), test.logits.back().end(), [](float v) { return std::isfinite(v); }))
      throw std::out_of_range(fmt::format("not one finite logit per label of head \"{}\"", head.name));
  }
  return test;
}

}  // namespace pc
