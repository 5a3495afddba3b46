#include "tools/runs/made_folders.h"

#include <algorithm>

#include "kernels/base/directory.h"

namespace pc::runs {

namespace fs = std::filesystem;

fs::path MadeFolders::make(const fs::path& path) {
  std::error_code unknown;
  const auto first = std::ptrdiff_t(made_.size());
  for (fs::path at = path; !at.empty() && !fs::exists(at, unknown); at = at.parent_path()) made_.push_back(at);
  std::reverse(made_.begin() + first, made_.end());
  return make_folders(path);
}

MadeFolders::~MadeFolders() {
  std::error_code not_empty;
  for (auto at = made_.rbegin(); at != made_.rend(); ++at) fs::remove(*at, not_empty);
}

}  // namespace pc::runs
