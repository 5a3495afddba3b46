// The heads of a classifier: their names, sizes and members.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pc {

// One label column: the head's name and its number of classes.
struct HeadShape {
  std::string name;
  int classes;
};

// The classes of all heads together that a model may have. A row of a head's weights is allocated for each.
constexpr int kMaxClasses = 100'000;

// The name prefix of a head's members: "fc" for a single head (as in torchvision's ResNet), "heads.NAME" for several.
std::string head_prefix(const std::vector<HeadShape>& heads, std::size_t i);

bool is_head(const std::string& member);

// The index of a head in `heads`; throws std::out_of_range with the name if it is not there.
std::size_t head_index(const std::vector<HeadShape>& heads, const std::string& name);

}  // namespace pc
