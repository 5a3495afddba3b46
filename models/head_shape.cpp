#include "models/head_shape.h"

#include <algorithm>
#include <stdexcept>

namespace pc {

std::string head_prefix(const std::vector<HeadShape>& heads, std::size_t i) {
  return heads.size() == 1 ? "fc" : "heads." + heads[i].name;
}

bool is_head(const std::string& member) { return member.starts_with("fc.") || member.starts_with("heads."); }

std::size_t head_index(const std::vector<HeadShape>& heads, const std::string& name) {
  const auto found = std::find_if(heads.begin(), heads.end(), [&](const HeadShape& head) { return head.name == name; });
  if (found == heads.end()) throw std::out_of_range("no head \"" + name + "\"");
  return std::size_t(found - heads.begin());
}

}  // namespace pc
