#include "tools/cli/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "kernels/base/error.h"
#include "kernels/base/lock.h"
#include "kernels/base/logger.h"

namespace pc::cli {
namespace {

std::string holder(int descriptor) {
  char text[20];
  return {text, std::size_t(std::max<ssize_t>(0, ::pread(descriptor, text, sizeof text, 0)))};
}

}  // namespace

bool lock_alone(const Descriptor& descriptor, const std::filesystem::path& path) {
  const Lock lock = try_lock(descriptor);
  const std::string cause = std::strerror(errno);
  static std::atomic<bool> said = false;
  if (lock == Lock::unsupported && !said.exchange(true))
    Logger("warning").line(
        fmt::format("{}: its file system has no locks ({}): nothing keeps a second process from writing there too",
                    path.string(), cause));
  return lock != Lock::held;
}

LockFile::LockFile(const std::filesystem::path& path, const std::string& in_use) : path_(path) {
  do {
    descriptor_ = open_file(path, O_RDWR | O_CREAT);
    if (!lock_alone(descriptor_, path))
      fail(Exit::file, fmt::format("{} (process {} holds {})", in_use, holder(descriptor_.get()), path.string()));
  } while (!still_named(descriptor_, path));
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
