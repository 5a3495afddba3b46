// One process at a time for something on the disk.
#pragma once

#include <filesystem>
#include <string>

#include "kernels/base/descriptor.h"

namespace pc {

// Holds the file locked, with the number of this process in it; the system gives the lock back when the process ends,
// however it ends. The destructor removes the file. Errors: Error(file) where it cannot be made or written, and
// "IN_USE (process 17 holds PATH)" where another process holds it.
class LockFile {
 public:
  LockFile(const std::filesystem::path& path, const std::string& in_use);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

}  // namespace pc
