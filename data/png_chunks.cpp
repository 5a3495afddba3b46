#include "data/png_chunks.h"

#include "kernels/base/bytes.h"

namespace pc::data::detail {

std::optional<PngChunk> PngChunks::next() {
  constexpr std::size_t kAround = 12;  // length, type and checksum
  if (rest_.size() < kAround) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | std::to_integer<std::size_t>(rest_[i]);
  if (length > rest_.size() - kAround) return std::nullopt;
  const PngChunk chunk{
      .type = as_text(rest_.subspan(4, 4)), .body = rest_.subspan(8, length), .whole = rest_.first(length + kAround)};
  rest_ = rest_.subspan(length + kAround);
  return chunk;
}

}  // namespace pc::data::detail
