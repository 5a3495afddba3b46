#include "data/cache_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "kernels/base/error.h"

namespace pc::data {
namespace {

std::filesystem::path private_folder(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    fail(Exit::file,
         fmt::format("cannot make folder {}: {}; set HOME or XDG_CACHE_HOME", path.string(), std::strerror(errno)));
  struct stat info {};
  const bool own = ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid();
  if (!own || (info.st_mode & 077) != 0)
    fail(Exit::file, path.string() + ": not a folder of this user alone (mode 0700); set HOME or XDG_CACHE_HOME");
  return path;
}

}  // namespace

std::filesystem::path default_cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return std::filesystem::path(cache) / "pc";
  if (const char* home = std::getenv("HOME"); home && *home) return std::filesystem::path(home) / ".cache" / "pc";
  return private_folder(std::filesystem::temp_directory_path() / fmt::format("pc-cache-{}", ::geteuid()));
}

}  // namespace pc::data
