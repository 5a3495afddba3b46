#include "data/exif.h"

#include <cstddef>
#include <cstdint>

namespace pc::data::detail {
namespace {

using namespace std::string_view_literals;

// Numbers of a TIFF block in its own byte order; nothing outside the block is ever read.
struct Tiff {
  std::string_view block;
  bool little = false;

  std::size_t number(std::size_t at, std::size_t bytes) const {
    if (at > block.size() || block.size() - at < bytes) return 0;
    std::size_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | uint8_t(block[at + (little ? bytes - 1 - i : i)]);
    return value;
  }
};

std::size_t bytes_of(std::size_t type) {  // of the whole numbers among TIFF's types
  return type == 1 || type == 6 ? 1 : type == 4 || type == 9 ? 4 : 2;
}

}  // namespace

std::optional<int> exif_orientation(std::string_view block) {
  const Tiff tiff{.block = block, .little = block.starts_with("II*\0"sv)};
  if (!tiff.little && !block.starts_with("MM\0*"sv)) return std::nullopt;
  const std::size_t at = tiff.number(4, 4);
  const std::size_t entries = tiff.number(at, 2);  // at most 65535: a lying count costs no time
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = at + 2 + 12 * i;
    if (entry > block.size() || block.size() - entry < 12) break;
    if (tiff.number(entry, 2) != 0x0112) continue;
    const std::size_t value = tiff.number(entry + 8, bytes_of(tiff.number(entry + 2, 2)));
    return value <= 8 ? int(value) : 0;
  }
  return std::nullopt;
}

}  // namespace pc::data::detail
