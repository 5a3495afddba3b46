// Folders that are made for work that may yet be refused.
#pragma once

#include <filesystem>
#include <vector>

namespace pc::runs {

// At the end those of the folders that it made and that are still empty are removed.
class MadeFolders {
 public:
  MadeFolders() = default;
  ~MadeFolders();
  MadeFolders(const MadeFolders&) = delete;
  MadeFolders& operator=(const MadeFolders&) = delete;

  // Makes the folder, and those above it, where it is not there. Returns its path. Errors: Error(file) naming path and
  // cause.
  std::filesystem::path make(const std::filesystem::path& path);

 private:
  std::vector<std::filesystem::path> made_;  // outermost first
};

}  // namespace pc::runs
