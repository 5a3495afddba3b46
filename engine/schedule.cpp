#include "engine/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/base/error.h"

namespace pc {
namespace {

double cosine(double from, double to, double t) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * t));
}

}  // namespace

float Schedule::at(int64_t step) const {
  if (kind == "constant") return peak;
  if (kind == "cosine") {
    const double rise = std::floor(double(warm_up) * double(steps)), s = double(step);
    if (s < rise) return float(peak * (s + 1) / rise);
    return float(cosine(peak, 0, std::min(1.0, (s - rise) / std::max(1.0, double(steps) - rise))));
  }
  if (kind != "one_cycle") fail(Exit::usage, "unknown schedule \"" + kind + "\"; use one_cycle, cosine or constant");
  const double start = peak / 25.0, end = start / 1e4, s = double(step);
  const double top = double(warm_up) * double(steps) - 1, last = double(steps) - 1;
  if (s <= top && top > 0) return float(cosine(start, peak, s / top));
  return float(cosine(peak, end, std::min(1.0, (s - std::max(0.0, top)) / std::max(1.0, last - std::max(0.0, top)))));
}

}  // namespace pc
