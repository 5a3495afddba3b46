#include "data/stranger.h"

#include <string_view>

#include "data/image.h"

namespace pc {

std::string describe_stranger(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("version https://git-lfs.github.com/"))
    return "is a Git LFS pointer; fetch the file itself with: git lfs pull";
  if (text.starts_with("\x1f\x8b")) return "is packed with gzip; unpack it first";
  switch (const ImageFormat format = sniff(bytes)) {
    case ImageFormat::empty:
      return "is empty";
    case ImageFormat::unknown:
      return "is of an unknown kind";
    case ImageFormat::html:
      return "looks like HTML: a web page was saved in its place; download it again";
    default:
      return std::string("looks like ") + name_of(format);
  }
}

}  // namespace pc
