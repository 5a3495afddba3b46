// What the header of a GIF, BMP or PNM says; zeros if it is broken.
#pragma once

namespace pc::detail {

struct PlainHeader {
  int h = 0, w = 0, channels = 0;
};

}  // namespace pc::detail
