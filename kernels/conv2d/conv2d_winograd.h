// Whether, and in which tiles, inference computes a 3x3 convolution by Winograd's minimal filtering.
#pragma once

#include "kernels/conv2d/conv2d_gather.h"

namespace pc::conv2d {

// Outputs along the side of a tile, 2 or 4, as is best for such filters and images; 0 if it is not worth it. n does not
// matter, so that an image's result does not depend on its batch.
int winograd_outputs(const Conv2dShape&, const RegisterTile&);

}  // namespace pc::conv2d
