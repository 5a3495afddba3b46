#include "tools/cli/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"
#include "kernels/base/logger.h"

namespace pc::cli {
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

bool lock_alone(const Descriptor& descriptor, const std::filesystem::path& path) {
  while (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno == EINTR) continue;
    static std::atomic<bool> said = false;
    const std::string cause = std::strerror(errno);
    if (!said.exchange(true))
      Logger("warning").line(
          fmt::format("{}: its file system has no locks ({}): nothing keeps a second process from writing there too",
                      path.string(), cause));
    break;
  }
  return true;
}

LockFile::LockFile(const std::filesystem::path& path, const std::string& in_use) : path_(path) {
  do {
    descriptor_ = open_file(path, O_RDWR | O_CREAT);
    if (!lock_alone(descriptor_, path))
      fail(Exit::file, fmt::format("{} (process {} holds {})", in_use, holder(descriptor_.get()), path.string()));
  } while (!still_there(descriptor_.get(), path));
  const std::string process = std::to_string(::getpid());
  try {
    if (::ftruncate(descriptor_.get(), 0) != 0) fail_file("write", path);
    write_all(descriptor_, process.data(), process.size(), path);
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
}

LockFile::~LockFile() { ::unlink(path_.c_str()); }

}  // namespace pc::cli
