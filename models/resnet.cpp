#include "models/resnet.h"

namespace pc {
namespace {

constexpr MaxPoolOptions kPool{.kernel_size = 3, .stride = 2, .pad = 1};

}  // namespace

ResNet::ResNet(const ResNetOptions& options, const std::vector<HeadShape>& heads, std::optional<uint64_t> seed)
    : Classifier(heads),
      options_(options),
      init_{.seed = seed},
      stem_({.in = 3, .out = 64, .kernel_size = 7, .stride = 2, .pad = 3}, init_) {
  const int expansion = options.bottleneck ? 4 : 1;
  int in = 64;
  for (std::size_t stage = 0; stage < 4; ++stage) {
    const int planes = 64 << stage;
    for (int i = 0; i < options.blocks[stage]; ++i) {
      stages_[stage].push_back(make_block(in, planes, stage > 0 && i == 0 ? 2 : 1));
      in = planes * expansion;
    }
  }
  make_heads(in, init_);
}

ResNet::Block ResNet::make_block(int in, int planes, int stride) {
  Block block;
  const int out = options_.bottleneck ? 4 * planes : planes;
  if (options_.bottleneck) {
    block.convs.emplace_back(ConvBnOptions{.in = in, .out = planes, .kernel_size = 1}, init_);
    block.convs.emplace_back(ConvBnOptions{.in = planes, .out = planes, .kernel_size = 3, .stride = stride, .pad = 1},
                             init_);
    block.convs.emplace_back(ConvBnOptions{.in = planes, .out = out, .kernel_size = 1}, init_);
  } else {
    block.convs.emplace_back(ConvBnOptions{.in = in, .out = planes, .kernel_size = 3, .stride = stride, .pad = 1},
                             init_);
    block.convs.emplace_back(ConvBnOptions{.in = planes, .out = planes, .kernel_size = 3, .pad = 1}, init_);
  }
  if (stride != 1 || in != out)
    block.downsample =
        std::make_unique<ConvBn>(ConvBnOptions{.in = in, .out = out, .kernel_size = 1, .stride = stride}, init_);
  return block;
}

Var ResNet::Block::forward(const Var& x, Mode mode, bool mean) {
  const Var residual = downsample ? downsample->forward(x, Var(), Activation::none, mode) : x;
  ConvInput y = x;
  for (std::size_t i = 0; i + 1 < convs.size(); ++i) y = convs[i].begin(y, mode);
  return mean ? convs.back().forward_mean(y, residual, mode)
              : convs.back().forward(y, residual, Activation::relu, mode);
}

void ResNet::Block::only_infer() {
  for (ConvBn& conv : convs) conv.only_infer();
  if (downsample) downsample->only_infer();
}

void ResNet::Block::visit(const std::string& prefix, const Visitor& visitor) {
  for (std::size_t i = 0; i < convs.size(); ++i) {
    const std::string number = std::to_string(i + 1);
    convs[i].visit(join(prefix, "conv" + number), join(prefix, "bn" + number), visitor);
  }
  if (downsample) downsample->visit(join(prefix, "downsample.0"), join(prefix, "downsample.1"), visitor);
}

Var ResNet::run(const Var& x, Mode mode, bool mean) {
  std::optional<NoGrad> off;
  if (mode == Mode::infer) off.emplace();
  Var y = stem_.forward_pooled(x, kPool, mode);
  for (auto& stage : stages_)
    for (Block& block : stage) y = block.forward(y, mode, mean && &block == &stages_.back().back());
  return y;
}

// Along the convolutions; a shortcut lies on the same grid, or its sum would be of different places.
MapGrid ResNet::map_grid() const {
  MapGrid grid = stem_.grid_after({}).after(kPool.kernel_size, kPool.stride, kPool.pad);
  for (const auto& stage : stages_)
    for (const Block& block : stage)
      for (const ConvBn& conv : block.convs) grid = conv.grid_after(grid);
  return grid;
}

void ResNet::only_infer() {
  stem_.only_infer();
  for (auto& stage : stages_)
    for (Block& block : stage) block.only_infer();
}

void ResNet::visit(const std::string& prefix, const Visitor& visitor) {
  stem_.visit(join(prefix, "conv1"), join(prefix, "bn1"), visitor);
  for (std::size_t stage = 0; stage < 4; ++stage)
    for (std::size_t i = 0; i < stages_[stage].size(); ++i)
      stages_[stage][i].visit(join(prefix, "layer" + std::to_string(stage + 1) + "." + std::to_string(i)), visitor);
  visit_heads(prefix, visitor);
}

}  // namespace pc
