#include "kernels/conv2d/conv2d.h"

namespace pc {

// Not in the header: so its virtual table lies here, in code for every machine, and in no file with vector flags.
PackedFilter::~PackedFilter() = default;

std::string to_string(const Padding& p) {
  std::string text = std::to_string(p.top);
  if (p != Padding(p.top))
    for (const int side : {p.bottom, p.left, p.right}) text += "," + std::to_string(side);
  return text;
}

}  // namespace pc
