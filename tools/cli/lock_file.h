// One process at a time for something on the disk.
#pragma once

#include <filesystem>
#include <string>

#include "kernels/base/descriptor.h"

namespace pc::cli {

// Locks the open file for this process alone; false where another process has it locked. Some file systems have no locks
// (NFS without its lock daemon): a line on stderr says so, once a process, and the work goes on without.
bool lock_alone(const Descriptor& descriptor, const std::filesystem::path& path);

// Holds the file locked, with the number of this process in it; the system gives the lock back when the process ends,
// however it ends. The destructor removes the file. Errors: Error(file) where it cannot be made or written, and
// "IN_USE (process 17 holds PATH)" where another process holds it. Where the file system has no locks, lock_alone
// says so.
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

}  // namespace pc::cli
