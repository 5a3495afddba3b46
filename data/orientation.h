// Which way up an image is: the one place that finds it, for all formats and all metadata.
#pragma once

#include <cstddef>
#include <span>

#include "data/image.h"
#include "data/image_format.h"

namespace pc::data::detail {

// The orientation (1 … 8) that the metadata of a JPEG, PNG or WebP ask for; 1 if they do not, or are broken. EXIF counts
// before XMP, as in Pillow's exif_transpose: XMP is asked only where no EXIF tag stands.
int image_orientation(std::span<const std::byte> bytes, ImageFormat format);

// The image turned upright: 2 mirror, 3 rotate 180, 4 flip, 5 transpose, 6 rotate 90 right, 7 transverse, 8 rotate 90
// left.
Image orient(Image image, int orientation);

}  // namespace pc::data::detail
