#include "data/cache_folder.h"

#include <cstdlib>

namespace pc {

std::filesystem::path default_cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache == '/')
    return std::filesystem::path(cache) / "pc";
  if (const char* home = std::getenv("HOME"); home && *home) return std::filesystem::path(home) / ".cache" / "pc";
  return std::filesystem::temp_directory_path() / "pc-cache";
}

}  // namespace pc
