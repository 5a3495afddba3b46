// The gradient where a residual block forks: two convolutions of one value, their gradients summed in one pass or two.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops.h"
#include "kernels/base/random.h"

namespace pc {
namespace {

Tensor random(const Shape& shape, uint64_t seed) {
  std::vector<float> values(std::size_t(element_count(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = uniform(philox(seed, 0, i).word[0]) - 0.5f;
  return Tensor::from(shape, values);
}

// The sum of y * weights, so that dL/dy is `weights`.
Var weighted_sum(const Var& y, const Tensor& weights) {
  const Tensor dy = Var(weights).as(y.value().dtype());
  return Var::record("weighted_sum", Tensor::zeros({}, DType::f32, Device::cpu), {y},
                     [dy](const Tensor&) { return std::vector<Tensor>{dy}; });
}

struct Paths {
  bool shortcut, main;
};

// dL/dx of a block's two first convolutions, made in the order of models/resnet.cpp.
std::vector<float> gradient(DType dtype, Paths paths) {
  const Var pictures(random({2, 9, 7, 16}, 1));
  Var x(pictures.as(dtype), true);
  const Var pointwise(random({24, 1, 1, 16}, 2)), window(random({24, 3, 3, 16}, 3));
  const Var shortcut = conv2d(x, pointwise, {.stride = 2}), main = conv2d(x, window, {.stride = 2, .pad = 1});
  std::vector<Var> losses;
  if (paths.shortcut) losses.push_back(weighted_sum(shortcut, random(shortcut.shape(), 4)));
  if (paths.main) losses.push_back(weighted_sum(main, random(main.shape(), 5)));
  backward(losses, std::vector<float>(losses.size(), 1.0f));
  return x.grad().to_vector<float>();
}

struct TwoPasses {
  TwoPasses() { fusions().dgrad_add = false; }
  ~TwoPasses() { fusions() = {}; }
};

std::vector<float> gradient_in_two_passes(DType dtype) {
  const TwoPasses guard;
  return gradient(dtype, {true, true});
}

TEST(Residual, OnePassGivesTheSumOfBothGradients) {
  const auto both = gradient(DType::f32, {true, true}), shortcut = gradient(DType::f32, {true, false}),
             main = gradient(DType::f32, {false, true});
  for (std::size_t i = 0; i < both.size(); ++i) ASSERT_EQ(both[i], shortcut[i] + main[i]) << i;
  EXPECT_EQ(gradient_in_two_passes(DType::f32), both);
}

TEST(Residual, OnePassRoundsSixteenBitsLess) {
  const auto exact = gradient(DType::f32, {true, true}), once = gradient(DType::bf16, {true, true}),
             twice = gradient_in_two_passes(DType::bf16);
  const auto error = [&](const std::vector<float>& got) {
    double squares = 0;
    for (std::size_t i = 0; i < got.size(); ++i) squares += std::pow(double(got[i]) - exact[i], 2);
    return std::sqrt(squares / double(got.size()));
  };
  EXPECT_LT(error(once), error(twice));
  EXPECT_LT(error(twice), 0.02);
}

}  // namespace
}  // namespace pc
