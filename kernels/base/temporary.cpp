#include "kernels/base/temporary.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "kernels/base/directory.h"
#include "kernels/base/lock.h"

namespace pc {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kInfix = ".tmp.";
constexpr int kAttempts = 100;  // to get a name that others sweep at the same time

// Removes it unless somebody holds its lock.
void remove_if_dead(const fs::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (fd && try_lock(fd) != Lock::taken) return;
  if (!fd && errno != ELOOP) return;
  std::error_code stays;
  fs::remove_all(path, stays);
}

// `make` creates what must not be there, and opens it. A process that sweeps may have locked or removed it before our lock: then again.
template <class Make>
Descriptor create(const fs::path& temporary, Make make) {
  for (int attempt = 0;; ++attempt) {
    Descriptor fd = make();
    if (fd && try_lock(fd) != Lock::held && still_named(fd, temporary)) return fd;
    if (!fd && (errno != EEXIST || attempt == kAttempts)) fail_file("create", temporary);
    if (!fd) remove_if_dead(temporary);
  }
}

}  // namespace

fs::path temporary_for(fs::path path) {
  path += std::string(kInfix) + std::to_string(::getpid());
  return path;
}

bool is_temporary(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::size_t at = name.rfind(kInfix);
  return at != std::string::npos && at + kInfix.size() < name.size() &&
         name.find_first_not_of("0123456789", at + kInfix.size()) == std::string::npos;
}

Descriptor create_temporary(const fs::path& temporary) {
  return create(temporary, [&] {
    return Descriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  });
}

Descriptor create_temporary_folder(const fs::path& temporary) {
  return create(temporary, [&] {
    if (::mkdir(temporary.c_str(), 0755) != 0) return Descriptor();
    Descriptor fd(::open(temporary.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
      const int cause = errno;
      ::rmdir(temporary.c_str());
      errno = cause;
    }
    return fd;
  });
}

void sweep_temporaries_of(const fs::path& path) {
  const std::string stem = path.filename().string() + std::string(kInfix);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code end;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, end); !end && it != fs::directory_iterator(); it.increment(end))
    if (it->path().filename().string().starts_with(stem) && is_temporary(it->path())) found.push_back(it->path());
  for (const fs::path& each : found) remove_if_dead(each);
}

void sweep_temporaries(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code end, unknown;
  for (fs::recursive_directory_iterator it(folder, end); !end && it != fs::recursive_directory_iterator();
       it.increment(end)) {
    if (!is_temporary(it->path())) continue;
    found.push_back(it->path());
    if (it->is_directory(unknown)) it.disable_recursion_pending();
  }
  for (const fs::path& each : found) remove_if_dead(each);
}

}  // namespace pc
