// One process at a time per name in a folder.
#pragma once

#include <filesystem>

namespace pc {

// Holds the file locked; the system gives the lock back when the process ends, however it ends. The destructor removes
// the file. Errors: Error(file) where it cannot be made or another process holds it.
class LockFile {
 public:
  explicit LockFile(const std::filesystem::path& path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace pc
