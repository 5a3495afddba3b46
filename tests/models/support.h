// What the model tests share: devices, inputs of a type, distances and one training step.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "engine/ops.h"
#include "engine/optimizer.h"
#include "kernels/runtime/select.h"
#include "models/classifier.h"
#include "tests/models/formula.h"

namespace pc::test {

#define PC_NEEDS(device) \
  if ((device) == pc::Device::cuda && !pc::cuda_available()) GTEST_SKIP() << "no GPU"

inline Tensor as(const Tensor& x, DType dtype, Device device = Device::cpu) { return Var(x.to(device)).as(dtype); }

// ||a - b|| / ||b||
inline double distance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
    norm += double(b[i]) * b[i];
  }
  return std::sqrt(difference / norm);
}

// A model with the formula's weights.
inline std::unique_ptr<Classifier> formula_model(const std::string& architecture, const std::vector<HeadShape>& heads,
                                                 Device device = Device::cpu) {
  auto model = make_classifier(architecture, heads, std::nullopt);
  fill(*model, device);
  return model;
}

// Forward and backward of the mean of the heads' losses; every head has the same labels. Returns the loss.
inline float train_pass(Classifier& model, const Tensor& x, const std::vector<int32_t>& labels, float smoothing = 0,
                        Mode mode = Mode::train) {
  const Targets targets = Targets::of(labels, x.device());
  const std::vector<Var> logits = model.forward(Var(x), mode);
  std::vector<Var> losses;
  float sum = 0;
  for (const Var& head : logits) {
    losses.push_back(cross_entropy(head, targets, smoothing));
    sum += losses.back().value().item() / float(logits.size());
  }
  backward(losses, std::vector<float>(losses.size(), 1 / float(losses.size())));
  return sum;
}

inline float train_step(Classifier& model, Optimizer& optimizer, const Tensor& x, const std::vector<int32_t>& labels,
                        float lr, float smoothing = 0) {
  const float loss = train_pass(model, x, labels, smoothing);
  optimizer.step(lr);
  return loss;
}

// All members one after the other.
inline std::vector<float> weights_of(Module& module) {
  std::vector<float> all;
  module.visit("", [&](const std::string&, Var& v, Role) {
    const std::vector<float> values = v.value().to_vector<float>();
    all.insert(all.end(), values.begin(), values.end());
  });
  return all;
}

}  // namespace pc::test
