// Classifier: a backbone, global average pooling of its last feature map, and one linear head per label column; created
// by name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/module.h"
#include "models/head_shape.h"
#include "models/layers.h"
#include "models/map_grid.h"

namespace pc {

class Classifier : public Module {
 public:
  explicit Classifier(const std::vector<HeadShape>& heads) : head_shapes_(heads) {}
  // x [n,h,w,3] -> the last feature map [n,h',w',c] (timm calls it forward_features), in the type of x.
  virtual Var features(const Var& x, Mode mode) = 0;
  // Where the cells of that map lie in x.
  virtual MapGrid map_grid() const = 0;
  // The mean [n,c] of that map; a model may compute it without storing the map.
  virtual Var mean_features(const Var& x, Mode mode) { return global_avg_pool(features(x, mode)); }
  // x [n,h,w,3] -> f32 logits [n,classes] of every head, in order.
  std::vector<Var> forward(const Var& x, Mode mode);
  // The heads alone: the result of mean_features() -> the result of forward().
  std::vector<Var> logits_of(const Var& mean) const;
  // For programs that only predict: from now on features() and forward() may be called only with Mode::infer and with
  // one type; each filter is released when it is folded, after which visit() throws.
  virtual void only_infer() = 0;
  // Weights [classes,c] of a head: the contribution of each feature to each logit.
  const Tensor& head_weight(std::size_t head) const { return heads_.at(head).weight(); }

 protected:
  void make_heads(int features, Initializer& init);
  void visit_heads(const std::string& prefix, const Visitor& visitor);

 private:
  std::vector<HeadShape> head_shapes_;
  std::vector<Linear> heads_;
};

// The number of stages from a member to the logits: 0 for a head, 1 for layer4, … 4 for layer1, 5 for the stem.
int stages_above(const std::string& member);

// Random weights from `seed`, with torchvision's distributions; without a seed the weights are uninitialized, to be
// loaded from a file. Throws Error(usage) for an unknown name, with a list of the known ones.
std::unique_ptr<Classifier> make_classifier(const std::string& architecture, const std::vector<HeadShape>& heads,
                                            std::optional<uint64_t> seed);

}  // namespace pc
