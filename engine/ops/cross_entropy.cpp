#include "kernels/cross_entropy/cross_entropy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/ops.h"
#include "kernels/base/error.h"

namespace pc {

Targets Targets::of(const std::vector<int32_t>& labels, Device device) {
  return {.a = Tensor::from({int64_t(labels.size())}, labels, device)};
}

Var cross_entropy(const Var& logits, const Targets& targets, float smoothing, const Tensor& class_weights) {
  const Shape xs = logits.shape();
  if (xs.size() != 2 || logits.value().dtype() != DType::f32)
    fail_shape(fmt::format("cross_entropy: logits {} must be f32 [n, classes]", xs));
  const auto fits = [&](const Tensor& t) { return t.shape() == Shape{xs[0]}; };
  const bool plain = targets.b.empty() && targets.lambda.empty();
  if (!fits(targets.a) || (!plain && !(fits(targets.b) && fits(targets.lambda))))
    fail_shape(fmt::format("cross_entropy: targets {}, {}, {} for logits {}", targets.a.shape(), targets.b.shape(),
                           targets.lambda.shape(), xs));
  if (!class_weights.empty() && class_weights.shape() != Shape{xs[1]})
    fail_shape(fmt::format("cross_entropy: class weights {} for logits {}", class_weights.shape(), xs));
  const CrossEntropyShape shape{.n = int(xs[0]), .classes = int(xs[1]), .smoothing = smoothing};
  const Device device = logits.value().device();
  const auto& kernels = PC_KERNELS(cross_entropy, device);
  Tensor loss({}, DType::f32, device), dlogits;
  if (logits.requires_grad()) dlogits = Tensor(xs, DType::f32, device);
  kernels.forward(shape, logits.value().as<float>(),
                  {.a = targets.a.as<int32_t>(),
                   .b = targets.b.as<int32_t>(),
                   .lambda = targets.lambda.as<float>(),
                   .class_weight = class_weights.empty() ? nullptr : class_weights.as<float>()},
                  loss.as<float>(), dlogits.as<float>());

  return Var::record("cross_entropy", loss, {logits}, [=, &kernels](const Tensor& dloss) {
    // In place: a rule runs once, so it may return the tensor that it captured.
    kernels.backward(shape, dloss.as<float>(), dlogits.as<float>());
    return std::vector<Tensor>{dlogits};
  });
}

}  // namespace pc
