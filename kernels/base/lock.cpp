#include "kernels/base/lock.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

namespace pc {

Lock try_lock(const Descriptor& fd) {
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Lock::held;
    if (errno != EINTR) return Lock::unsupported;
  }
  return Lock::taken;
}

bool still_named(const Descriptor& fd, const std::filesystem::path& path) {
  struct stat ours {
  }, named{};
  if (::fstat(fd.get(), &ours) != 0) return true;
  if (::stat(path.c_str(), &named) != 0) return errno != ENOENT && errno != ENOTDIR;
  return ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

}  // namespace pc
