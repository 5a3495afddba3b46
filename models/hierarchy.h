// Heads that are levels of one tree, such as masterCategory, subCategory and articleType: which labels occur together,
// and the most probable of these combinations.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "models/head_shape.h"

namespace pc {

// A finer head whose label determines the coarser head's label.
struct Link {
  std::size_t fine = 0, coarse = 0;  // heads
  // Per finer label, the coarser labels that it occurred with; a label without one is never predicted.
  std::vector<std::vector<int32_t>> coarse_of;
};

// A head is the finer one of at most one link, and its link comes after those in which it is the coarser one. Empty:
// the heads are independent.
using Hierarchy = std::vector<Link>;

// From the coarsest to the finest head: one list for each head that is finer than another and coarser than none.
std::vector<std::vector<std::size_t>> chains(const Hierarchy& hierarchy);

// One label per head: those with the highest product of the heads' probabilities softmax(logits / temperature), among
// the combinations whose linked labels occurred together. The heads are treated as independent, so the product only
// ranks combinations; the reported probability of a label is still that of its own head. -1: the coarser label has no
// known finer labels (rare ones may have been dropped), so none is predicted.
std::vector<int32_t> joint_labels(const Hierarchy& hierarchy, const std::vector<std::vector<float>>& logits,
                                  const std::vector<double>& temperatures);

// [{"fine", "coarse", "coarse_of": [[…], …]}]
nlohmann::json to_json(const Hierarchy& hierarchy, const std::vector<HeadShape>& heads);
// Throws std::exception if it does not match the heads.
Hierarchy hierarchy_from_json(const nlohmann::json& j, const std::vector<HeadShape>& heads);

}  // namespace pc
