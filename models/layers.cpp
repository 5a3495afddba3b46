#include "models/layers.h"

#include <cmath>
#include <numbers>

#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/base/random.h"

namespace pc {

Tensor Initializer::normal(const Shape& shape, float deviation) {
  Tensor t(shape, DType::f32, Device::cpu);
  const uint64_t tensor = used++;
  if (!seed) return t;
  // Box-Muller: two random words give two values.
  parallel_for((t.size() + 1) / 2, 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = 2 * begin; i < std::min(2 * end, t.size()); i += 2) {
      const Philox random = philox(*seed, tensor, uint64_t(i));
      const double radius = std::sqrt(-2 * std::log((random.word[0] + 1.0) / 4294967296.0)) * deviation;
      const double angle = 2 * std::numbers::pi * random.word[1] / 4294967296.0;
      t.as<float>()[i] = float(radius * std::cos(angle));
      if (i + 1 < t.size()) t.as<float>()[i + 1] = float(radius * std::sin(angle));
    }
  });
  return t;
}

Tensor Initializer::uniform(const Shape& shape, float bound) {
  Tensor t(shape, DType::f32, Device::cpu);
  const uint64_t tensor = used++;
  if (!seed) return t;
  for (int64_t i = 0; i < t.size(); ++i)
    t.as<float>()[i] = (2 * pc::uniform(philox(*seed, tensor, uint64_t(i)).word[0]) - 1) * bound;
  return t;
}

ConvBn::ConvBn(const ConvBnOptions& o, Initializer& init)
    : options_{.stride = o.stride, .pad = o.pad},
      kernel_size_(o.kernel_size),
      weight_(init.normal({o.out, o.kernel_size, o.kernel_size, o.in},
                          std::sqrt(2.0f / float(o.out * o.kernel_size * o.kernel_size))),
              true),
      gamma_(Tensor::full({o.out}, 1, Device::cpu), true),
      beta_(Tensor::full({o.out}, 0, Device::cpu), true),
      running_mean_(Tensor::full({o.out}, 0, Device::cpu)),
      running_var_(Tensor::full({o.out}, 1, Device::cpu)) {}

bool ConvBn::folds(const ConvInput& in, const Var& residual, Mode mode) const {
  if (in.before) return false;  // the layer before it trains
  return mode == Mode::infer || (frozen() && !in.x.requires_grad() && !residual.requires_grad());
}

Var ConvBn::convolve(const ConvInput& in, BatchNormOptions& norm) {
  check_whole();
  folded_.reset();
  Tensor* const sums = norm.training ? &norm.sums : nullptr;
  if (!in.before) return conv2d(in.x, weight_, options_, sums);
  ConvBn& b = *in.before;
  return norm_conv(in.x, b.gamma_, b.beta_, b.running_mean_, b.running_var_, *in.norm, weight_, options_, sums);
}

Var ConvBn::normalize(const Var& y, const Var& residual, const BatchNormOptions& norm) {
  return batch_norm(y, gamma_, beta_, running_mean_, running_var_, residual, norm);
}

Var ConvBn::forward(const ConvInput& in, const Var& residual, Activation activation, Mode mode) {
  if (folds(in, residual, mode)) return infer(in.x, residual, activation);
  BatchNormOptions norm = norm_options(activation, mode);
  const Var y = convolve(in, norm);
  return normalize(y, residual, norm);
}

ConvInput ConvBn::begin(const ConvInput& in, Mode mode) {
  if (folds(in, Var(), mode)) return infer(in.x, Var(), Activation::relu);
  BatchNormOptions norm = norm_options(Activation::relu, mode);
  const Var y = convolve(in, norm);
  if (!y.requires_grad()) return normalize(y, Var(), norm);
  return {y, *this, norm};
}

Var ConvBn::forward_pooled(const Var& x, const MaxPoolOptions& pool, Mode mode) {
  if (folds(x, Var(), mode)) return max_pool(infer(x, Var(), Activation::relu), pool);
  check_whole();
  folded_.reset();
  return norm_pool(conv2d(x, weight_, options_), gamma_, beta_, running_mean_, running_var_,
                   norm_options(Activation::relu, mode), pool);
}

Var ConvBn::forward_mean(const ConvInput& in, const Var& residual, Mode mode) {
  if (folds(in, residual, mode)) return global_avg_pool(infer(in.x, residual, Activation::relu));
  BatchNormOptions norm = norm_options(Activation::relu, mode);
  const Var y = convolve(in, norm);
  return norm_mean(y, gamma_, beta_, running_mean_, running_var_, residual, norm);
}

Var ConvBn::infer(const Var& x, const Var& residual, Activation activation) {
  const DType dtype = x.value().dtype();
  if (!folded_ || folded_->dtype() != dtype) {
    check_whole();
    folded_ = std::make_unique<FoldedConv>(
        weight_.value(),
        NormParameters{gamma_.value(), beta_.value(), running_mean_.value(), running_var_.value(), kNormEps}, options_,
        x.shape(), dtype);
    if (only_infer_) weight_ = Var();
  }
  return Var(folded_->forward(x.value(), residual.empty() ? Tensor() : residual.value(), activation));
}

void ConvBn::check_whole() const {
  if (weight_.empty()) fail_shape("this model was made for prediction only; its weights are folded and gone");
}

void ConvBn::visit(const std::string& conv, const std::string& norm, const Visitor& visitor) {
  check_whole();
  folded_.reset();
  visitor(join(conv, "weight"), weight_, Role::parameter);
  visitor(join(norm, "weight"), gamma_, Role::parameter);
  visitor(join(norm, "bias"), beta_, Role::parameter);
  visitor(join(norm, "running_mean"), running_mean_, Role::buffer);
  visitor(join(norm, "running_var"), running_var_, Role::buffer);
}

Linear::Linear(int in, int out, Initializer& init)
    : weight_(init.uniform({out, in}, 1 / std::sqrt(float(in))), true),
      bias_(init.uniform({out}, 1 / std::sqrt(float(in))), true) {}

void Linear::visit(const std::string& prefix, const Visitor& visitor) {
  visitor(join(prefix, "weight"), weight_, Role::parameter);
  visitor(join(prefix, "bias"), bias_, Role::parameter);
}

}  // namespace pc
