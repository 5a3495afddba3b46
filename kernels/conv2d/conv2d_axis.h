// One axis of a gathered result: its coordinates, sorted by which filter taps reach a pixel of the input. At a border
// some do not.
#pragma once

#include <utility>
#include <vector>

namespace pc::conv2d {

struct AxisClass {
  std::vector<std::pair<int, int>> taps;    // (index in the filter, input coordinate relative to the point's base)
  std::vector<std::pair<int, int>> points;  // (output coordinate, base input coordinate)
};
using Axis = std::vector<AxisClass>;

// in = out * stride + tap - pad; pad is the one before the first coordinate
Axis forward_axis(int out, int taps, int stride, int pad, int in);
// out = in * stride + tap - pad
Axis backward_axis(int out, int taps, int stride, int pad, int in);

}  // namespace pc::conv2d
