#include "kernels/conv2d/conv2d_axis.h"

#include <algorithm>

namespace pc::conv2d {
namespace {

// Sorts the coordinates by their taps; taps_of(i) lists (tap, input coordinate).
template <class F>
Axis classes(int out, F taps_of) {
  Axis result;
  for (int i = 0; i < out; ++i) {
    auto taps = taps_of(i);
    const int base = taps.empty() ? 0 : taps.front().second;
    for (auto& tap : taps) tap.second -= base;
    auto same = std::find_if(result.begin(), result.end(), [&](const AxisClass& a) { return a.taps == taps; });
    if (same == result.end()) same = result.insert(same, {std::move(taps), {}});
    same->points.emplace_back(i, base);
  }
  return result;
}

}  // namespace

Axis forward_axis(int out, int taps, int stride, int pad, int in) {
  return classes(out, [=](int i) {
    std::vector<std::pair<int, int>> list;
    for (int r = 0; r < taps; ++r)
      if (const int h = i * stride + r - pad; h >= 0 && h < in) list.emplace_back(r, h);
    return list;
  });
}

Axis backward_axis(int out, int taps, int stride, int pad, int in) {
  return classes(out, [=](int i) {
    std::vector<std::pair<int, int>> list;
    for (int r = 0; r < taps; ++r)
      if (const int p = i + pad - r; p >= 0 && p % stride == 0 && p / stride < in) list.emplace_back(r, p / stride);
    return list;
  });
}

}  // namespace pc::conv2d
