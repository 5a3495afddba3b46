// Catalog images stand on white: which of their pixels are the object.
#pragma once

#include <cstdint>
#include <vector>

#include "data/store.h"

namespace pc {

// mask[p] of the pixels h x w x 3: 0 for background, 255 for the object, a value between them along its edge.
// Background is every near-white pixel that near-white pixels connect to the border; an image with less than a twentieth
// of it counts as all object.
void mark_object(const uint8_t* pixels, int h, int w, uint8_t* mask);

// Takes the wearer's skin out of the object: pixels of skin color (Chai & Ngan, "Face segmentation using skin-color map
// in videophone applications", IEEE TCSVT 1999) if they make up 2 to 35 % of it. More is an object of that color.
void unmark_skin(const uint8_t* pixels, int h, int w, uint8_t* mask);

// The masks of a whole store without background and skin: pixel p = offset / 3 of its pixels at mask[p]. Works on all
// threads.
std::vector<uint8_t> mark_objects(const ImageStore& store);

}  // namespace pc
