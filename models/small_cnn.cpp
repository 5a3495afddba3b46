#include "models/small_cnn.h"

namespace pc {
namespace {

constexpr std::size_t kPooled = 2;  // so many of the first layers
constexpr MaxPoolOptions kPool{.kernel_size = 2, .stride = 2, .pad = 0};

}  // namespace

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
    y = i < kPooled ? layers_[i].forward_pooled(y, kPool, mode) : layers_[i].forward(y, Var(), Activation::relu, mode);
  return y;
}

MapGrid SmallCnn::map_grid() const {
  MapGrid grid;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    grid = layers_[i].grid_after(grid);
    if (i < kPooled) grid = grid.after(kPool.kernel_size, kPool.stride, kPool.pad);
  }
  return grid;
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
