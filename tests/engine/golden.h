// The numbers that make_engine_golden.py and make_augmentation_golden.py wrote.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/augmentation.h"
#include "kernels/base/file.h"

namespace pc::test {

inline const nlohmann::json& engine_golden() {
  static const auto golden = nlohmann::json::parse(read_file(PC_SOURCE_DIR "/tests/engine/engine_golden.json"));
  return golden;
}

inline const nlohmann::json& augmentation_golden() {
  static const auto golden = nlohmann::json::parse(read_file(PC_SOURCE_DIR "/tests/engine/augmentation_golden.json"));
  return golden;
}

// The numbers of tests/draws.py's draw() from place `at` of the row on.
inline void expect_sample(const AugmentSample& s, const nlohmann::json& row, std::size_t at) {
  std::vector<double> got{double(s.flip), s.crop_x, s.crop_y, s.crop_w, s.crop_h};
  for (const auto& of_row : s.turn) got.insert(got.end(), std::begin(of_row), std::end(of_row));
  for (const double n : {double(s.background), double(s.background_x), double(s.background_y)}) got.push_back(n);
  for (const auto& of_row : s.color) got.insert(got.end(), std::begin(of_row), std::end(of_row));
  for (const int32_t n : {s.bits, s.invert_from, s.erase_x, s.erase_y, s.erase_w, s.erase_h}) got.push_back(n);
  ASSERT_EQ(row.size(), at + got.size());
  for (const double number : got)
    EXPECT_NEAR(number, row[at++].get<double>(), 3e-5) << "place " << at - 1 << " of " << row;
}

}  // namespace pc::test
