// The chunks of a PNG file, one after the other; their checksums are not looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace pc::data::detail {

struct PngChunk {
  std::string_view type;             // four letters
  std::span<const std::byte> body;   // its data
  std::span<const std::byte> whole;  // with length, type and checksum
};

class PngChunks {
 public:
  explicit PngChunks(std::span<const std::byte> png) : rest_(png.subspan(png.size() < 8 ? png.size() : 8)) {}
  // The next whole chunk; nothing at the end and where the file is cut off.
  std::optional<PngChunk> next();
  std::span<const std::byte> rest() const { return rest_; }  // after the last whole chunk

 private:
  std::span<const std::byte> rest_;
};

}  // namespace pc::data::detail
