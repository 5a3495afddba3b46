// The orientation that the EXIF block of an image file asks for.
#pragma once

#include <cstddef>
#include <span>

#include "data/image.h"
#include "data/image_format.h"

namespace pc::detail {

// The orientation (1 … 8) that the EXIF block of a JPEG, PNG or WebP asks for; 1 if there is none or it is broken.
int exif_orientation(std::span<const std::byte> bytes, ImageFormat format);

// The image turned upright: 2 mirror, 3 rotate 180, 4 flip, 5 transpose, 6 rotate 90 right, 7 transverse, 8 rotate 90
// left.
Image orient(Image image, int orientation);

}  // namespace pc::detail
