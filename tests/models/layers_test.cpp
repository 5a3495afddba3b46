// ConvBn, Linear and the numbers their weights begin with.
#include "models/layers.h"

#include <gtest/gtest.h>

#include "tests/models/support.h"

namespace pc {
namespace {

struct Moments {
  double mean = 0, deviation = 0;
};

Moments moments(const std::vector<float>& x) {
  Moments m;
  for (float v : x) m.mean += v / double(x.size());
  for (float v : x) m.deviation += (v - m.mean) * (v - m.mean) / double(x.size());
  m.deviation = std::sqrt(m.deviation);
  return m;
}

TEST(Initializer, NormalHasItsMoments) {
  Initializer init{.seed = 1};
  const Moments m = moments(init.normal({300, 333}, 0.5f).to_vector<float>());
  EXPECT_NEAR(m.mean, 0, 0.01);
  EXPECT_NEAR(m.deviation, 0.5, 0.01);
}

TEST(Initializer, UniformKeepsItsBound) {
  Initializer init{.seed = 1};
  const auto x = init.uniform({100, 333}, 0.25f).to_vector<float>();
  EXPECT_NEAR(*std::min_element(x.begin(), x.end()), -0.25, 0.001);
  EXPECT_NEAR(*std::max_element(x.begin(), x.end()), 0.25, 0.001);
  EXPECT_NEAR(moments(x).deviation, 0.25 / std::sqrt(3), 0.002);
}

TEST(Initializer, EveryTensorIsDrawnAnew) {
  Initializer init{.seed = 1};
  EXPECT_NE(init.normal({7}, 1).to_vector<float>(), init.normal({7}, 1).to_vector<float>());
}

TEST(ConvBn, BeginsAsTorchvisionDoes) {
  Initializer init{.seed = 3};
  ConvBn layer({.in = 32, .out = 64, .kernel_size = 3}, init);
  std::vector<std::string> names;
  layer.visit("c", "b", [&](const std::string& name, Var& v, Role role) {
    names.push_back(name);
    EXPECT_EQ(role == Role::parameter, v.requires_grad());
    const Moments m = moments(v.value().to_vector<float>());
    const bool filter = name == "c.weight", one = name == "b.weight" || name == "b.running_var";
    EXPECT_NEAR(m.mean, one ? 1 : 0, filter ? 0.002 : 0) << name;
    EXPECT_NEAR(m.deviation, filter ? std::sqrt(2.0 / (64 * 9)) : 0, filter ? 0.001 : 0) << name;
  });
  EXPECT_EQ(names, (std::vector<std::string>{"c.weight", "b.weight", "b.bias", "b.running_mean", "b.running_var"}));
}

// y = f(bn(conv(x)) + residual), with and without each part.
TEST(ConvBn, InferEqualsEvalWithEveryPart) {
  Initializer init{.seed = 3};
  ConvBn layer({.in = 8, .out = 16, .kernel_size = 3, .stride = 2, .pad = 1}, init);
  layer.visit("c", "b", [](const std::string& name, Var& v, Role) { v.set_value(test::member(name, v.shape())); });
  const Var x(init.normal({2, 9, 7, 8}, 1)), residual(init.normal({2, 5, 4, 16}, 1));
  for (const Activation f : {Activation::none, Activation::relu})
    for (const Var& r : {Var(), residual}) {
      const Tensor eval = layer.forward(x, r, f, Mode::eval).value(),
                   infer = layer.forward(x, r, f, Mode::infer).value();
      EXPECT_EQ(eval.shape(), (Shape{2, 5, 4, 16}));
      EXPECT_LE(test::distance(infer.to_vector<float>(), eval.to_vector<float>()), 1e-5);
    }
}

// The value and every gradient of global_avg_pool(relu(bn(conv(x)) + residual)), as one op or with the map in
// between.
std::vector<std::vector<float>> mean_and_gradients(bool in_one, bool with_residual, Mode mode, DType dtype) {
  Initializer init{.seed = 3};
  ConvBn layer({.in = 8, .out = 16, .kernel_size = 3, .pad = 1}, init);
  const auto input = [&](const Shape& shape) { return Var(test::as(init.normal(shape, 1), dtype), true); };
  const Var x = input({3, 5, 4, 8}), residual = with_residual ? input({3, 5, 4, 16}) : Var();
  const Var y = in_one ? layer.forward_mean(x, residual, mode)
                       : global_avg_pool(layer.forward(x, residual, Activation::relu, mode));
  std::vector<std::vector<float>> all{y.value().to_vector<float>()};
  if (mode == Mode::infer) return all;
  const Var weight(test::as(init.normal({4, 16}, 1), DType::f32)), bias(Tensor::zeros({4}, DType::f32, Device::cpu));
  cross_entropy(linear_logits(y, weight, bias), Targets::of({1, 0, 3}, Device::cpu)).backward();
  all.push_back(x.grad().to_vector<float>());
  if (with_residual) all.push_back(residual.grad().to_vector<float>());
  layer.visit("c", "b", [&](const std::string&, Var& v, Role role) {
    all.push_back((role == Role::parameter ? v.grad() : v.value()).to_vector<float>());
  });
  return all;
}

TEST(ConvBn, ForwardMeanIsTheMeanOfForwardToTheBit) {
  for (const Mode mode : {Mode::train, Mode::eval, Mode::infer})
    for (const bool residual : {true, false})
      for (const DType dtype : {DType::f32, DType::bf16})
        EXPECT_EQ(mean_and_gradients(true, residual, mode, dtype), mean_and_gradients(false, residual, mode, dtype))
            << int(mode) << residual << name_of(dtype);
}

// Two layers, the first one's norm left to the second, or done by the first.
std::vector<std::vector<float>> chain_and_gradients(bool left, Mode mode, DType dtype, bool frozen) {
  Initializer init{.seed = 5};
  ConvBn first({.in = 8, .out = 16, .kernel_size = 3, .pad = 1}, init),
      second({.in = 16, .out = 8, .kernel_size = 1}, init);
  if (frozen) first.visit("c", "b", [](const std::string&, Var& v, Role) { v.set_requires_grad(false); });
  const Var x(test::as(init.normal({3, 5, 4, 8}, 1), dtype));
  const Var y = left ? second.forward_mean(first.begin(x, mode), Var(), mode)
                     : second.forward_mean(first.forward(x, Var(), Activation::relu, mode), Var(), mode);
  std::vector<std::vector<float>> all{y.value().to_vector<float>()};
  if (mode == Mode::infer) return all;
  const Var weight(test::as(init.normal({4, 8}, 1), DType::f32)), bias(Tensor::zeros({4}, DType::f32, Device::cpu));
  cross_entropy(linear_logits(y, weight, bias), Targets::of({1, 0, 3}, Device::cpu)).backward();
  for (ConvBn* layer : {&first, &second})
    layer->visit("c", "b", [&](const std::string&, Var& v, Role) {
      all.push_back((v.requires_grad() ? v.grad() : v.value()).to_vector<float>());
    });
  return all;
}

// The CPU does not support it: the same two ops, whatever fusions() is.
TEST(ConvBn, ANormLeftToTheNextLayerIsTheSameToTheBit) {
  for (const Mode mode : {Mode::train, Mode::eval, Mode::infer})
    for (const bool frozen : {false, true})
      for (const bool fuses : {false, true})
        for (const DType dtype : {DType::f32, DType::bf16}) {
          fusions().norm_conv = fuses;
          EXPECT_EQ(chain_and_gradients(true, mode, dtype, frozen), chain_and_gradients(false, mode, dtype, frozen))
              << int(mode) << frozen << fuses << name_of(dtype);
        }
  fusions() = {};
}

TEST(ConvBn, TrainingMovesTheStatisticsAndEvaluationDoesNot) {
  Initializer init{.seed = 3};
  ConvBn layer({.in = 8, .out = 16, .kernel_size = 1}, init);
  const auto statistics = [&] {
    std::vector<float> all;
    layer.visit("c", "b", [&](const std::string&, Var& v, Role role) {
      if (role == Role::buffer) all.insert(all.end(), v.value().as<float>(), v.value().as<float>() + v.value().size());
    });
    return all;
  };
  const Var x(init.normal({2, 9, 7, 8}, 1));
  const auto before = statistics();
  layer.forward(x, Var(), Activation::relu, Mode::eval);
  layer.forward(x, Var(), Activation::relu, Mode::infer);
  EXPECT_EQ(statistics(), before);
  layer.forward(x, Var(), Activation::relu, Mode::train);
  EXPECT_NE(statistics(), before);
}

TEST(Linear, NamesAndBounds) {
  Initializer init{.seed = 3};
  Linear layer(400, 50, init);
  std::vector<std::string> names;
  layer.visit("fc", [&](const std::string& name, Var& v, Role role) {
    names.push_back(name);
    EXPECT_EQ(role, Role::parameter);
    for (float w : v.value().to_vector<float>()) EXPECT_LE(std::abs(w), 0.05f);
  });
  EXPECT_EQ(names, (std::vector<std::string>{"fc.weight", "fc.bias"}));
  EXPECT_EQ(layer.forward(Var(init.normal({3, 400}, 1))).shape(), (Shape{3, 50}));
}

}  // namespace
}  // namespace pc
