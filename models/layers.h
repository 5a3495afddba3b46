// The two layers of all models here: ConvBn and Linear, with torchvision's initialization.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/folded_conv.h"
#include "engine/module.h"
#include "engine/ops.h"
#include "models/map_grid.h"

namespace pc {

// A stream of random numbers for initial weights; without a seed the tensors stay uninitialized.
struct Initializer {
  std::optional<uint64_t> seed;
  uint64_t used = 0;
  Tensor normal(const Shape& shape, float deviation);
  Tensor uniform(const Shape& shape, float bound);
};

// Of the batch norms of torchvision's ResNets, which are PyTorch's defaults.
constexpr float kNormEps = 1e-5f, kNormMomentum = 0.1f;

struct ConvBnOptions {
  int in, out, kernel_size, stride = 1, pad = 0;
};

class ConvBn;

// The input of a layer: a feature map, or the output of another layer's convolution before its norm and ReLU, so that
// these can be fused into the next convolution.
struct ConvInput {
  ConvInput(Var map) : x(std::move(map)) {}
  ConvInput(Var y, ConvBn& layer, BatchNormOptions options)
      : x(std::move(y)), before(&layer), norm(std::move(options)) {}
  Var x;
  ConvBn* before = nullptr;
  std::optional<BatchNormOptions> norm;  // of `before`
};

// f(batch_norm(conv2d(x)) + residual), f the activation. Filters are drawn from N(0, 2 / fan_out) (He et al., ICCV 2015). A frozen
// layer does not update its running statistics, and runs folded if no layer before it trains.
class ConvBn {
 public:
  ConvBn(const ConvBnOptions& options, Initializer& init);
  Var forward(const ConvInput& in, const Var& residual, Activation activation, Mode mode);
  // relu(batch_norm(conv2d(x))) as the input of the next layer. This layer must outlive the ConvInput.
  ConvInput begin(const ConvInput& in, Mode mode);
  // max_pool(relu(batch_norm(conv2d(x)))), the end of a stem.
  Var forward_pooled(const Var& x, const MaxPoolOptions& pool, Mode mode);
  // global_avg_pool(relu(batch_norm(conv2d(x)) + residual)), the end of a backbone.
  Var forward_mean(const ConvInput& in, const Var& residual, Mode mode);
  void visit(const std::string& conv, const std::string& norm, const Visitor& visitor);
  MapGrid grid_after(const MapGrid& in) const { return in.after(kernel_size_, options_.stride, options_.pad.top); }
  // From now on only Mode::infer, in one type: the filter is released when it is folded, which halves the memory.
  void only_infer() { only_infer_ = true; }

 private:
  // Whether neither this layer nor its inputs need gradients, so that the norm can be folded into the filter.
  bool folds(const ConvInput& in, const Var& residual, Mode mode) const;
  bool frozen() const { return !weight_.requires_grad() && !gamma_.requires_grad() && !beta_.requires_grad(); }
  Var infer(const Var& x, const Var& residual, Activation activation);
  // The convolution, after the pending norm and ReLU of `in`. If it computes the sums of y, it stores them in `norm`.
  Var convolve(const ConvInput& in, BatchNormOptions& norm);
  Var normalize(const Var& y, const Var& residual, const BatchNormOptions& norm);
  BatchNormOptions norm_options(Activation activation, Mode mode) const {
    return {.eps = kNormEps,
            .momentum = kNormMomentum,
            .training = mode == Mode::train && !frozen(),
            .activation = activation};
  }
  void check_whole() const;
  Conv2dOptions options_;
  int kernel_size_;
  Var weight_, gamma_, beta_, running_mean_, running_var_;
  bool only_infer_ = false;
  std::unique_ptr<FoldedConv> folded_;  // created by the first infer, dropped by train and visit
};

// Weights and bias from U(-1/sqrt(in), 1/sqrt(in)), as torch.nn.Linear.
class Linear {
 public:
  Linear(int in, int out, Initializer& init);
  Var forward(const Var& x) const { return linear_logits(x, weight_, bias_); }
  const Tensor& weight() const { return weight_.value(); }  // [out,in]
  void visit(const std::string& prefix, const Visitor& visitor);

 private:
  Var weight_, bias_;
};

}  // namespace pc
