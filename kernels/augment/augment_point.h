// One output pixel of augment, computed independently of the others, on either device: its sample point and the source
// pixels around it.
//
// CUDA computes every pixel this way; the CPU only those of transformed crops (turned()) and of new backgrounds.
#pragma once

#include <cmath>

#include "kernels/augment/augment.h"
#include "kernels/base/random.h"

namespace pc::augment_point {

PC_HD inline bool turned(const AugmentSample& s) {
  return s.turn[0][0] != 1 || s.turn[0][1] != 0 || s.turn[1][0] != 0 || s.turn[1][1] != 1;
}

struct Point {
  double x, y;
};

PC_HD inline Point point_of(const AugmentShape& shape, const AugmentSample& s, int i, int j) {
  const int column = s.flip ? shape.out_w - 1 - j : j;
  const double across = (column + 0.5) * (double(s.crop_w) / shape.out_w),
               down = (i + 0.5) * (double(s.crop_h) / shape.out_h);
  if (!turned(s)) return {double(s.crop_x) + across, double(s.crop_y) + down};
  const double half_w = double(s.crop_w) / 2, half_h = double(s.crop_h) / 2;
  const double u = across - half_w, v = down - half_h;
  return {double(s.crop_x) + half_w + double(s.turn[0][0]) * u + double(s.turn[0][1]) * v,
          double(s.crop_y) + half_h + double(s.turn[1][0]) * u + double(s.turn[1][1]) * v};
}

// The source pixels [first, first + count) under the triangle along one axis. Pixel first + t has the weight
// 1 - |offset + t| * slope, times `norm`, so that the weights sum to 1; a single pixel has weight 1.
struct Taps {
  int first, count;
  float offset, slope, norm;
  PC_HD float raw_weight(int t) const {
    const float w = 1 - fabsf(offset + float(t)) * slope;
    return w > 0 ? w : 0;
  }
  PC_HD float weight(int t) const { return count == 1 ? 1.0f : raw_weight(t) * norm; }
};

PC_HD inline int clamped(double value, int begin, int end) {
  return value < begin ? begin : value > end - 1 ? end - 1 : int(value);
}

// `beyond`: include pixels outside the crop.
PC_HD inline Taps taps_of(double point, float start, float crop, int out, bool beyond) {
  constexpr int kFar = 1 << 22;
  const int begin = beyond ? -kFar : int(ceilf(start - 0.5f)), crop_end = int(ceilf(start + crop - 0.5f));
  const int end = beyond ? kFar : crop_end > begin ? crop_end : begin + 1;
  const double scale = double(crop) / out, support = scale > 1 ? scale : 1;
  int first = clamped(floor(point - support), begin, end), last = clamped(ceil(point + support), begin, end);
  while (first < last && 1 - fabs(first + 0.5 - point) / support <= 0) ++first;
  while (first < last && 1 - fabs(last + 0.5 - point) / support <= 0) --last;
  Taps taps{first, last - first + 1, float(first + 0.5 - point), float(1 / support), 1};
  float sum = 0;
  for (int t = 0; t < taps.count; ++t) sum += taps.raw_weight(t);
  taps.norm = 1 / sum;
  return taps;
}

// The three values, 0..255, of output pixel (i, j), before the color transform.
PC_HD inline void value_of(const AugmentShape& shape, const AugmentSource& source, const AugmentSample& s, int i, int j,
                           float* value) {
  const Point point = point_of(shape, s, i, j);
  const bool beyond = turned(s), replaced = s.background >= 0;
  const Taps rows = taps_of(point.y, s.crop_y, s.crop_h, shape.out_h, beyond);
  const Taps columns = taps_of(point.x, s.crop_x, s.crop_w, shape.out_w, beyond);
  const uint8_t* picture = source.pixels + s.offset;
  const uint8_t* mask = replaced ? source.mask + s.offset / 3 : nullptr;
  float covered = 0, sum[3] = {0, 0, 0};
  for (int r = 0; r < rows.count; ++r) {
    const int h = rows.first + r;
    const float row_weight = rows.weight(r);
    const bool row_inside = h >= 0 && h < s.h;
    for (int q = 0; q < columns.count; ++q) {
      const int w = columns.first + q;
      const bool inside = row_inside && w >= 0 && w < s.w;
      const int64_t at = inside ? int64_t(h) * s.w + w : 0;
      float weight = row_weight * columns.weight(q);
      if (replaced) weight *= inside ? float(mask[at]) * (1.0f / 255) : 0.0f;
      covered += weight;
      for (int c = 0; c < 3; ++c) sum[c] += weight * float(inside ? picture[at * 3 + c] : shape.fill[c]);
    }
  }
  if (replaced) {
    const int row = (i + s.background_y) % shape.out_h, column = (j + s.background_x) % shape.out_w;
    const uint8_t* b = source.backgrounds + s.background + (int64_t(row) * shape.out_w + column) * 3;
    for (int c = 0; c < 3; ++c) sum[c] += (1 - covered) * float(b[c]);
  }
  for (int c = 0; c < 3; ++c) value[c] = sum[c];
}

// Applies the color matrix to one pixel, values 0..255.
PC_HD inline void recolor(const float (&color)[3][4], float* value) {
  const float in[3] = {value[0], value[1], value[2]};
  for (int c = 0; c < 3; ++c) {
    const float mixed = color[c][0] * in[0] + color[c][1] * in[1] + color[c][2] * in[2] + color[c][3] * 255;
    value[c] = mixed < 0 ? 0 : mixed > 255 ? 255 : mixed;
  }
}

PC_HD inline bool keeps_tones(const AugmentSample& s) { return s.bits == 8 && s.invert_from > 255; }

// Posterizes and solarizes one pixel, values 0..255.
PC_HD inline void retone(const AugmentSample& s, float* value) {
  for (int c = 0; c < 3; ++c) {
    const int tone = int(rintf(value[c])) >> (8 - s.bits) << (8 - s.bits);
    value[c] = float(tone >= s.invert_from ? 255 - tone : tone);
  }
}

PC_HD inline bool erased(const AugmentSample& s, int i, int j) {
  return i >= s.erase_y && i - s.erase_y < s.erase_h && j >= s.erase_x && j - s.erase_x < s.erase_w;
}

}  // namespace pc::augment_point
