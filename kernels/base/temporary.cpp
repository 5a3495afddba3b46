#include "kernels/base/temporary.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "kernels/base/directory.h"

namespace pc {

namespace fs = std::filesystem;

fs::path temporary_for(fs::path path) {
  path += ".tmp." + std::to_string(::getpid());
  return path;
}

bool is_temporary(const fs::path& path) { return path.filename().string().find(".tmp.") != std::string::npos; }

void remove_temporaries(const fs::path& folder) {
  std::vector<fs::path> found;
  walk_files(folder, {}, [&](const fs::directory_entry& file, const std::string&) {
    if (is_temporary(file.path())) found.push_back(file.path());
  });
  std::error_code ignored;
  for (const fs::path& file : found) fs::remove(file, ignored);
}

}  // namespace pc
