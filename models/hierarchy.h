// Heads that are levels of one tree, as masterCategory, subCategory and articleType are: which labels go together, and
// the most probable combination of those.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "models/classifier.h"

namespace pc {

// A finer head whose label tells the coarser one's.
struct Link {
  std::size_t fine = 0, coarse = 0;  // heads
  // Per finer label the coarser labels it occurred with; without one it is never named.
  std::vector<std::vector<int32_t>> coarse_of;
};

// A head is the finer one of at most one link, and its link comes after those in which it is the coarser one. Empty:
// heads stand alone.
using Hierarchy = std::vector<Link>;

// From the coarsest to the finest head: one list for each head that is finer than another and coarser than none.
std::vector<std::vector<std::size_t>> chains(const Hierarchy& hierarchy);

// One label per head: those with the highest product of the heads' probabilities softmax(logits / temperature), among
// the combinations whose linked labels occurred together. Linked heads are taken as independent witnesses of one truth,
// so the product only ranks combinations; what is told of a head stays its own probability of that label. -1: the finer
// labels of that coarser one are not known (rare ones may have been dropped), so none is named.
std::vector<int32_t> joint_labels(const Hierarchy& hierarchy, const std::vector<std::vector<float>>& logits,
                                  const std::vector<double>& temperatures);

// [{"fine", "coarse", "coarse_of": [[…], …]}]
nlohmann::json to_json(const Hierarchy& hierarchy, const std::vector<HeadShape>& heads);
// Throws std::exception where it does not fit the heads.
Hierarchy hierarchy_from_json(const nlohmann::json& j, const std::vector<HeadShape>& heads);

}  // namespace pc
