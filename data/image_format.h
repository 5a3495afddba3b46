// Which format a file really has, whatever its name says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pc {

enum class ImageFormat : uint8_t {
  unknown,
  empty,
  jpeg,
  png,
  gif,
  bmp,
  pnm,
  webp,
  heif,
  avif,
  tiff,
  pdf,
  zip,
  html,
  text
};

// By the first bytes, never by the file name.
ImageFormat sniff(std::span<const std::byte> bytes);
const char* name_of(ImageFormat format);  // "JPEG", "WebP", …
bool is_web_image(ImageFormat format);    // JPEG, PNG or WebP

}  // namespace pc
