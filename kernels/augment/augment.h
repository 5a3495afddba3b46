// augment: packed u8 pictures to a normalised network input in one pass: crop, resize, flip, normalise.
//
// Output pixel (i, j) of sample n covers the source rectangle of its crop, scaled to out_h x out_w (mirrored with `flip`). The filter
// is the triangle of width max(1, scale) on each axis, centres at half pixels: bilinear when enlarging, antialiased when reducing, as
// torchvision's resize with antialias=True. A crop may reach beyond the picture; pixels outside have the `fill` colour.
//   y = (value / 255 - mean) / std
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct AugmentShape {
  int n, out_h, out_w;
  float mean[3], std[3];  // of values in 0..1
  uint8_t fill[3] = {255, 255, 255};
};

// One picture of the batch: h x w RGB at pixels + offset, and what to do with it. The identity is crop = (0, 0, w, h), no flip.
struct AugmentSample {
  int64_t offset;
  int32_t h, w;
  float crop_x, crop_y, crop_w, crop_h;  // pixels of the source
  int32_t flip = 0;
};

struct AugmentKernels {
  // pixels and samples[n] lie on the device; y is [n, out_h, out_w, 3] of `dtype`.
  void (*forward)(const AugmentShape&, DType, const uint8_t* pixels, const AugmentSample* samples, void* y);
};
extern const AugmentKernels augment_cpu, augment_cuda;

}  // namespace pc
