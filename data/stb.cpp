// GIF and BMP through stb_image, compiled here and nowhere else, with nothing else of it compiled in.
#include "data/stb.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_GIF
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 100000
#include <stb_image.h>
#pragma GCC diagnostic pop

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include "data/image_format.h"
#include "kernels/base/error.h"

namespace pc::data::detail {

PlainHeader stb_header(std::span<const std::byte> bytes) {
  PlainHeader header;
  const auto size = int(std::min(bytes.size(), std::size_t(std::numeric_limits<int>::max())));
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (!stbi_info_from_memory(data, size, &header.w, &header.h, &header.channels)) return {};
  header.h = std::abs(header.h);  // negative in a BMP whose rows run downward
  return header;
}

Image decode_with_stb(std::span<const std::byte> bytes, const std::string& name, const DecodeSettings& settings) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (bytes.size() > std::size_t(std::numeric_limits<int>::max())) fail(Exit::limit, name + ": larger than 2 GB");
  const char* format = name_of(sniff(bytes));
  const int size = int(bytes.size());
  int w = 0, h = 0, channels = 0;
  if (!stbi_info_from_memory(data, size, &w, &h, &channels)) {
    fail(Exit::data, fmt::format("{}: broken {} ({})", name, format, stbi_failure_reason()));
  }
  check_pixels(name, w, h, settings);
  const std::unique_ptr<unsigned char, void (*)(void*)> pixels(stbi_load_from_memory(data, size, &w, &h, &channels, 3),
                                                               stbi_image_free);
  if (!pixels && std::strcmp(stbi_failure_reason(), "outofmem") == 0) throw std::bad_alloc();
  if (!pixels) fail(Exit::data, fmt::format("{}: broken {} ({})", name, format, stbi_failure_reason()));
  const std::size_t n = std::size_t(w) * std::size_t(h) * 3;
  return Image{.h = h, .w = w, .pixels = std::vector<uint8_t>(pixels.get(), pixels.get() + n)};
}

}  // namespace pc::data::detail
