// SmallCnn: folded inference.
#include "models/small_cnn.h"

#include <gtest/gtest.h>

#include "tests/models/support.h"

namespace pc {
namespace {

Var picture_batch(int64_t n, int64_t side) {
  Tensor x({n, side, side, 3}, DType::f32, Device::cpu);
  for (int64_t i = 0; i < x.size(); ++i) x.as<float>()[i] = float((i * 37) % 101) / 50 - 1;
  return Var(x);
}

TEST(SmallCnn, FoldedInferenceGivesTheLogitsOfEval) {
  const auto model = make_classifier("smallcnn", {{"a", 4}, {"b", 3}}, 1);
  const Var x = picture_batch(3, 28);
  model->forward(x, Mode::train);  // moves the running statistics away from their start
  const auto eval = model->forward(x, Mode::eval), infer = model->forward(x, Mode::infer);
  ASSERT_EQ(infer.size(), 2u);
  EXPECT_EQ(infer[1].shape(), (Shape{3, 3}));
  for (std::size_t h = 0; h < 2; ++h) {
    const auto a = eval[h].value().to_vector<float>(), b = infer[h].value().to_vector<float>();
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4);
  }
}

}  // namespace
}  // namespace pc
