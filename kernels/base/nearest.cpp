#include "kernels/base/nearest.h"

#include <algorithm>
#include <system_error>

#include "kernels/base/text.h"

namespace pc {

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  std::string nearest;
  std::size_t least = 2 + name.size() / 3;  // one more than the distance allowed
  for (const std::string& candidate : names) {
    // The lengths differ by the distance at most: a cheap test before the quadratic one.
    if (std::max(candidate.size(), name.size()) - std::min(candidate.size(), name.size()) >= least) continue;
    if (const std::size_t distance = edit_distance(name, candidate); distance < least)
      least = distance, nearest = candidate;
  }
  return nearest;
}

std::string nearest_path(const std::filesystem::path& path) {
  constexpr std::size_t kMost = 1000;  // entries looked at: this is a courtesy
  const std::filesystem::path plain = path.has_filename() ? path : path.parent_path(), folder = plain.parent_path();
  std::error_code error;
  std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, error);
  std::vector<std::string> names;
  for (; !error && entry != std::filesystem::directory_iterator() && names.size() < kMost; entry.increment(error))
    if (entry->path().filename() != plain.filename()) names.push_back(entry->path().filename().string());
  const std::string nearest = nearest_name(plain.filename().string(), names);
  return nearest.empty() ? "" : (folder / nearest).string();
}

}  // namespace pc
