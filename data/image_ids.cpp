#include "data/image_ids.h"

#include <algorithm>

#include "data/name_key.h"
#include "kernels/base/text.h"

namespace pc::data::detail {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "1163.0", "1163,00"
std::string_view without_zero_fraction(std::string_view id) {
  const std::size_t point = id.find_first_of(".,");
  if (point == id.npos || !is_number(id.substr(0, point)) || point + 1 == id.size()) return id;
  const bool zeros = id.find_first_not_of('0', point + 1) == id.npos;
  return zeros ? id.substr(0, point) : id;
}

std::string plain_id(std::string_view id) {
  const std::string key = name_key(id);
  std::string_view plain = key;
  if (has_image_name(key)) plain = plain.substr(0, plain.rfind('.'));
  plain = without_zero_fraction(plain);
  if (is_number(plain)) plain.remove_prefix(std::min(plain.find_first_not_of('0'), plain.size() - 1));
  return std::string(plain);
}

}  // namespace

std::string_view stem_of(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  return path.substr(0, path.rfind('.'));
}

ImageIds::ImageIds(const FileTree& tree, const std::string& directory) : directory_(directory) {
  const auto& entries = tree.entries();
  auto at = std::lower_bound(entries.begin(), entries.end(), directory,
                             [](const FileTree::Entry& e, const std::string& path) { return e.path < path; });
  for (; at != entries.end() && at->path.starts_with(directory); ++at) {
    const bool direct = at->path.find('/', directory.size()) == std::string::npos;
    if (!direct || !has_image_name(at->path)) continue;
    if (!by_stem_.emplace(stem_of(at->path), &*at).second) continue;
    const auto [plain, fresh] = by_plain_id_.emplace(plain_id(stem_of(at->path)), &*at);
    if (!fresh) plain->second = nullptr;
  }
}

std::string_view ImageIds::without_directory(std::string_view id) const {
  const std::string_view name = std::string_view(directory_).substr(directory_.rfind('/', directory_.size() - 2) + 1);
  for (const std::string_view prefix : {std::string_view(directory_), name})
    if (id.size() > prefix.size() && equal_ignoring_case(id.substr(0, prefix.size()), prefix))
      return id.substr(prefix.size());
  return id;
}

const FileTree::Entry* ImageIds::find(std::string_view id) const {
  if (const auto exact = by_stem_.find(id); exact != by_stem_.end()) return exact->second;
  const auto plain = by_plain_id_.find(plain_id(id));
  return plain == by_plain_id_.end() ? nullptr : plain->second;
}

}  // namespace pc::data::detail
