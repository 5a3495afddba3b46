// ResNet-18/34 (basic blocks) and ResNet-50/101 (bottlenecks, v1.5: the stride sits on the 3x3), member names
// torchvision's.
//
// He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; torchvision.models.resnet.
#pragma once

#include <array>
#include <string>

#include "models/architectures.h"
#include "models/classifier.h"
#include "models/layers.h"

namespace pc {

class ResNet : public Classifier {
 public:
  ResNet(const ResNetOptions& options, const std::vector<HeadShape>& heads, std::optional<uint64_t> seed);
  Var features(const Var& x, Mode mode) override { return run(x, mode, false); }
  Var mean_features(const Var& x, Mode mode) override { return run(x, mode, true); }
  MapGrid map_grid() const override;
  void only_infer() override;
  void visit(const std::string& prefix, const Visitor& visitor) override;

 private:
  struct Block {
    std::vector<ConvBn> convs;  // two of 3x3, or 1x1, 3x3, 1x1
    std::unique_ptr<ConvBn> downsample;
    Var forward(const Var& x, Mode mode, bool mean);
    void only_infer();
    void visit(const std::string& prefix, const Visitor& visitor);
  };
  Block make_block(int in, int planes, int stride);
  Var run(const Var& x, Mode mode, bool mean);  // the last map or its mean

  ResNetOptions options_;
  Initializer init_;
  ConvBn stem_;
  std::array<std::vector<Block>, 4> stages_;
};

}  // namespace pc
