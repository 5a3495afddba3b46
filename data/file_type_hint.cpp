#include "data/file_type_hint.h"

#include <string_view>

#include "data/image_format.h"

namespace pc::data {

std::string file_type_hint(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("version https://git-lfs.github.com/"))
    return "it is a Git LFS pointer; fetch the file itself with: git lfs pull";
  if (text.starts_with("\x1f\x8b")) return "it is packed with gzip; unpack it first";
  if (text.starts_with("\xfd"
                       "7zXZ"))
    return "it is packed with xz; unpack it first";
  if (text.starts_with("BZh")) return "it is packed with bzip2; unpack it first";
  if (text.starts_with("\x28\xb5\x2f\xfd")) return "it is packed with Zstandard; unpack it first";
  if (text.starts_with("7z\xbc\xaf\x27\x1c")) return "it is packed with 7-Zip; unpack it first";
  if (text.starts_with("Rar!\x1a\x07")) return "it is packed with RAR; unpack it first";
  if (text.size() >= 262 && text.substr(257, 5) == "ustar") return "it is packed with tar; unpack it first";
  switch (const ImageFormat format = sniff(bytes)) {
    case ImageFormat::empty:
      return "it is empty; download or copy it again";
    case ImageFormat::text:
    case ImageFormat::unknown:
      return "";
    case ImageFormat::html:
      return "it looks like HTML: a web page was saved in its place; download it again";
    default:
      return std::string("it looks like ") + name_of(format);
  }
}

std::string not_a(std::string_view expected, std::span<const std::byte> bytes) {
  const std::string what = file_type_hint(bytes);
  return "not a " + std::string(expected) + (what.empty() ? "" : "; " + what);
}

}  // namespace pc::data
