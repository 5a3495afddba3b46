// Made-up surfaces as phone photos show around and behind things.
#pragma once

#include <cstdint>

#include "data/image.h"

namespace pc {

// Wood, cloth, carpet, tiles or a wall, unevenly lit. The same for the same (seed, number) and size, on every machine
// with the same libm.
Image make_surface(int h, int w, uint64_t seed, uint64_t number);

}  // namespace pc
