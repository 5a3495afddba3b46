// SmallCnn: four convolutions with batch norm for small images such as Fashion-MNIST's, with a thirtieth of ResNet18's
// weights.
#pragma once

#include <array>

#include "models/classifier.h"
#include "models/layers.h"

namespace pc {

// layer1: 3x3, 32 filters; layer2: 64; layer3: 128; layer4: 256. Each with batch norm and ReLU; after the first two a
// 2x2 max-pool halves the image.
class SmallCnn : public Classifier {
 public:
  SmallCnn(const std::vector<HeadShape>& heads, std::optional<uint64_t> seed);
  Var features(const Var& x, Mode mode) override;
  MapGrid map_grid() const override;
  void only_infer() override;
  void visit(const std::string& prefix, const Visitor& visitor) override;

 private:
  Initializer init_;
  std::vector<ConvBn> layers_;
};

}  // namespace pc
