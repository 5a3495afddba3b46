// Making an image smaller with an antialiasing triangle filter.
#pragma once

#include "data/image.h"

namespace pc {

// The image at h x w pixels, neither larger than its own. Each side is filtered with a triangle of one output pixel's
// width to either side, as PIL's BILINEAR does; weights are normalized at the borders, and whole multiples of 2^-16.
// Sums are exact, rounded once per direction.
Image resize(const Image& image, int h, int w);

// The image with its short side at most `short_side`, aspect ratio kept to a pixel; unchanged if it is small enough or
// short_side is 0.
Image resize_to_short_side(Image image, int short_side);

}  // namespace pc
