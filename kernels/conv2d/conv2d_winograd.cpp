#include "kernels/conv2d/conv2d_winograd.h"

#include <algorithm>

#include "kernels/base/math.h"

namespace pc::conv2d {
namespace {

// Products per channel of one image. With few tiles the filter's way from memory takes as long as those of 13 do.
int64_t products(const Conv2dShape& s, int outputs) {
  const int64_t tiles = ceil_div(s.h, outputs) * ceil_div(s.w, outputs), side = outputs + 2;
  return side * side * std::max<int64_t>(tiles, 13);
}

}  // namespace

int winograd_outputs(const Conv2dShape& s, const RegisterTile& tile) {
  if (s.groups != 1 || s.r != 3 || s.s != 3 || s.stride != 1 || s.pad != Padding(1) || s.c % tile.lanes() != 0 ||
      s.k % tile.block != 0)
    return 0;
  const int64_t direct = (3 * int64_t(s.h) - 2) * (3 * int64_t(s.w) - 2);  // those with the border left out
  const int64_t two = products(s, 2), four = products(s, 4);
  if (two * 5 > direct * 3) return 0;  // the transforms cost something too
  return four * 5 > two * 3 ? 2 : 4;
}

}  // namespace pc::conv2d
