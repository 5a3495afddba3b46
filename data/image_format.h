// Which format a file really has, whatever its name says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pc::data {

enum class ImageFormat : uint8_t {
  unknown,
  empty,
  // decoded
  jpeg,
  png,
  gif,
  bmp,
  pnm,
  webp,
  // named, not decoded
  heif,
  avif,
  tiff,
  jpeg_xl,
  jpeg_2000,
  jpeg_xr,
  jpeg_ls,
  ico,
  psd,
  svg,
  camera_raw,
  exr,
  hdr,
  dds,
  qoi,
  pnm_other,
  xcf,
  eps,
  emf,
  dicom,
  pdf,
  video,
  zip,
  html,
  text
};

// By the first bytes, never by the file name.
ImageFormat sniff(std::span<const std::byte> bytes);
const char* name_of(ImageFormat format);  // "JPEG", "WebP", …
bool is_web_image(ImageFormat format);    // JPEG, PNG or WebP

}  // namespace pc::data
