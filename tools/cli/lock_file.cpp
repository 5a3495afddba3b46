#include "tools/cli/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"

namespace pc {
namespace {

// False where the file was removed, by the process that held it, between our open and our lock.
bool still_there(int descriptor, const std::filesystem::path& path) {
  struct stat ours {
  }, named{};
  return ::fstat(descriptor, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

std::string holder(int descriptor) {
  char text[20];
  return {text, std::size_t(std::max<ssize_t>(0, ::pread(descriptor, text, sizeof text, 0)))};
}

}  // namespace

LockFile::LockFile(const std::filesystem::path& path, const std::string& in_use) : path_(path) {
  do {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) fail(Exit::file, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const std::string other = holder(descriptor_);
      ::close(descriptor_);
      fail(Exit::file, fmt::format("{} (process {} holds {})", in_use, other, path.string()));
    }
  } while (!still_there(descriptor_, path));
  const std::string process = std::to_string(::getpid());
  if (::ftruncate(descriptor_, 0) != 0 || ::write(descriptor_, process.data(), process.size()) < 0) {
    const int error = errno;
    ::close(descriptor_);
    fail(Exit::file, fmt::format("cannot write {}: {}", path.string(), std::strerror(error)));
  }
}

LockFile::~LockFile() {
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace pc
