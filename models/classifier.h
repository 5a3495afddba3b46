// Classifier: a backbone whose last feature map, averaged over its places, goes into one linear head per label column; made by name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/module.h"
#include "models/layers.h"

namespace pc {

// One label column: the head's name and how many classes it tells apart.
struct HeadShape {
  std::string name;
  int classes;
};

class Classifier : public Module {
 public:
  explicit Classifier(const std::vector<HeadShape>& heads) : head_shapes_(heads) {}
  // x [n,h,w,3] -> the last feature map [n,h',w',c] (timm calls it forward_features), in the type of x.
  virtual Var features(const Var& x, Mode mode) = 0;
  // The mean [n,c] of that map: a model may have a shorter way than to make the map.
  virtual Var mean_features(const Var& x, Mode mode) { return global_avg_pool(features(x, mode)); }
  // x [n,h,w,3] -> f32 logits [n,classes] of every head, in order.
  std::vector<Var> forward(const Var& x, Mode mode);
  // The heads alone: mean_features() -> what forward() gives.
  std::vector<Var> logits_of(const Var& mean) const;
  // For programs that only predict: from now on features() and forward() take Mode::infer and one type only and give the filters up as
  // they fold them; visit() throws then.
  virtual void only_infer() = 0;
  // Weights [classes,c] of a head: what each feature adds to each logit.
  const Tensor& head_weight(std::size_t head) const { return heads_.at(head).weight(); }

 protected:
  void make_heads(int features, Initializer& init);
  void visit_heads(const std::string& prefix, const Visitor& visitor);

 private:
  std::vector<HeadShape> head_shapes_;
  std::vector<Linear> heads_;
};

// Names of the members of a head: "fc" alone (a plain torchvision ResNet), "heads.NAME" among several.
std::string head_prefix(const std::vector<HeadShape>& heads, std::size_t i);

bool is_head(const std::string& member);

// How many stages lie between a member and the logits: 0 for a head, 1 for layer4, … 4 for layer1, 5 for the stem.
int stages_above(const std::string& member);

// Random weights drawn from `seed` as torchvision draws them; without a seed they are left for a weight file to fill. Throws Error(usage) for an unknown name, listing the known ones.
std::unique_ptr<Classifier> make_classifier(const std::string& architecture, const std::vector<HeadShape>& heads,
                                            std::optional<uint64_t> seed);

}  // namespace pc
