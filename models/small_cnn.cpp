#include "models/small_cnn.h"

namespace pc {

SmallCnn::SmallCnn(const std::vector<HeadShape>& heads, std::optional<uint64_t> seed)
    : Classifier(heads), init_{.seed = seed} {
  int in = 3;
  for (const int out : {32, 64, 128, 256}) {
    layers_.emplace_back(ConvBnOptions{.in = in, .out = out, .kernel_size = 3, .pad = 1}, init_);
    in = out;
  }
  make_heads(in, init_);
}

Var SmallCnn::features(const Var& x, Mode mode) {
  std::optional<NoGrad> off;
  if (mode == Mode::infer) off.emplace();
  Var y = x;
  for (std::size_t i = 0; i < layers_.size(); ++i)
    y = i < 2 ? layers_[i].forward_pooled(y, {.kernel_size = 2, .stride = 2, .pad = 0}, mode)
              : layers_[i].forward(y, Var(), true, mode);
  return y;
}

void SmallCnn::only_infer() {
  for (ConvBn& layer : layers_) layer.only_infer();
}

void SmallCnn::visit(const std::string& prefix, const Visitor& visitor) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const std::string layer = join(prefix, "layer" + std::to_string(i + 1));
    layers_[i].visit(join(layer, "conv"), join(layer, "bn"), visitor);
  }
  visit_heads(prefix, visitor);
}

}  // namespace pc
