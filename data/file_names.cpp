#include "data/file_names.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "kernels/base/text.h"

namespace pc::data {

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

bool has_image_name(const std::string& path) {
  static constexpr const char* kExtensions[] = {".jpg",  ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif",
                                                ".bmp",  ".dib",  ".ppm", ".pgm",  ".pnm", ".webp", ".heic",
                                                ".heif", ".avif", ".tif", ".tiff", ".jxl", ".jp2"};
  const std::string extension = to_lower(std::filesystem::path(path).extension().string());
  return std::find(std::begin(kExtensions), std::end(kExtensions), extension) != std::end(kExtensions);
}

}  // namespace pc::data
