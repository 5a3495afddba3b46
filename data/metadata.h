// The metadata blocks of an image file, where each format keeps them.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "data/image_format.h"

namespace pc::data::detail {

struct Metadata {
  std::string exif;  // a TIFF block; empty: there is none
  std::string xmp;   // XML; empty: there is none
};

// JPEG: APP1 segments before the first scan. PNG: eXIf, the iTXt of XMP, and the "Raw profile type …" texts that
// ImageMagick writes. WebP: the EXIF and XMP chunks. Of each kind the first; broken blocks are left out. At most 1 MB of
// a packed text is unpacked.
Metadata read_metadata(std::span<const std::byte> bytes, ImageFormat format);

}  // namespace pc::data::detail
