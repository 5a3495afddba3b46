// Classifier: a backbone with one linear head per label column, made by name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/module.h"

namespace pc {

// One label column: the head's name and how many classes it tells apart.
struct HeadShape {
  std::string name;
  int classes;
};

class Classifier : public Module {
 public:
  // x [n,h,w,3] -> f32 logits [n,classes] of every head, in order.
  virtual std::vector<Var> forward(const Var& x, Mode mode) = 0;
  // For programs that only predict: from now on forward() takes Mode::infer and one type only and gives the filters up as it folds
  // them; visit() throws then.
  virtual void only_infer() = 0;
};

// Names of the members of a head: "fc" alone (a plain torchvision ResNet), "heads.NAME" among several.
std::string head_prefix(const std::vector<HeadShape>& heads, std::size_t i);

bool is_head(const std::string& member);

// How many stages lie between a member and the logits: 0 for a head, 1 for layer4, … 4 for layer1, 5 for the stem.
int stages_above(const std::string& member);

std::vector<std::string> architectures();
// Random weights drawn from `seed` as torchvision draws them; without a seed they are left for a weight file to fill. Throws Error(usage) for an unknown name, listing the known ones.
std::unique_ptr<Classifier> make_classifier(const std::string& architecture, const std::vector<HeadShape>& heads,
                                            std::optional<uint64_t> seed);

}  // namespace pc
