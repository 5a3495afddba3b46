// conv2d on Vars: how `same` is resolved, and what a shape must not be.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/ops.h"
#include "kernels/base/file.h"
#include "tests/support.h"

namespace pc::test {
namespace {

// The numbers that make_same_padding_golden.py wrote, on both axes: another size on each.
TEST(Conv2dOp, SamePadsAsTensorFlow) {
  const auto golden = nlohmann::json::parse(read_file(PC_SOURCE_DIR "/tests/engine/same_padding_golden.json"));
  ASSERT_EQ(golden.size(), 216u);
  for (const auto& rows : golden)
    for (const auto& columns : golden) {
      const int stride = rows[2];
      if (columns[2] != stride) continue;
      const Conv2dShape s = conv2d_shape(Device::cpu, DType::f32, {1, rows[0], columns[0], 4},
                                         {8, rows[1], columns[1], 4}, {.stride = stride, .same = true});
      ASSERT_EQ(s.pad, Padding(rows[4], rows[5], columns[4], columns[5])) << rows << " " << columns;
      ASSERT_EQ(s.p(), rows[3].get<int>()) << rows;
      ASSERT_EQ(s.q(), columns[3].get<int>()) << columns;
    }
}

TEST(Conv2dOp, AFilterThatDoesNotFitIsNamedWithItsPadding) {
  const auto shape = [](const Padding& pad) {
    conv2d_shape(Device::cpu, DType::f32, {1, 4, 3, 4}, {8, 5, 5, 4}, {.pad = pad});
  };
  shape({1, 0, 0, 2});
  EXPECT_THROW(shape(0), std::logic_error);
  try {
    shape({1, 0, 1, 0});
    FAIL() << "a filter wider than the padded image was accepted";
  } catch (const std::logic_error& e) {
    EXPECT_HAS(e.what(), "a 5x5 filter does not fit into 4x3 with pad 1,0,1,0");
  }
}

}  // namespace
}  // namespace pc::test
