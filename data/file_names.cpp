#include "data/file_names.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "kernels/base/text.h"

namespace pc {

bool is_junk(const std::string& path) {
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = std::string_view(path).substr(begin, end - begin);
    if (part == "__MACOSX" || part == "Thumbs.db" || part == "desktop.ini" ||
        (part.starts_with('.') && part != "." && part != "..")) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

bool has_picture_name(const std::string& path) {
  static const char* const known[] = {".jpg", ".jpeg", ".jpe",  ".jfif", ".png",  ".gif",  ".bmp", ".ppm",
                                      ".pgm", ".pnm",  ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff"};
  const std::string extension = to_lower(std::filesystem::path(path).extension().string());
  return std::find(std::begin(known), std::end(known), extension) != std::end(known);
}

}  // namespace pc
