// augment: packed u8 pictures to a normalised network input in one pass: crop, resize, flip, normalise.
//
// Output pixel (i, j) of sample n covers the source rectangle of its crop, scaled to out_h x out_w (mirrored with
// `flip`). Per axis, with scale = crop / out, output j is the mean of the source pixels k under a triangle around its
// centre (bilinear when enlarging, antialiased when reducing):
//   weight_k = max(0, 1 - |k + 0.5 - (start + (j + 0.5) * scale)| / max(1, scale)), divided by their sum,
// over the pixels whose centre lies in the crop, start <= k + 0.5 < start + crop (the first after start where there is
// none). A crop may reach beyond the picture; pixels there have the `fill` colour. A crop of whole pixels is
// torchvision's crop (padded with `fill`) followed by its resize with antialias=True. Sums are f32, nothing is rounded
// to u8 on the way.
//   y = (value / 255 - mean) / std
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct AugmentShape {
  int n, out_h, out_w;
  float mean[3], std[3];  // of values in 0..1
  uint8_t fill[3] = {255, 255, 255};
};

// One picture of the batch: h x w RGB at pixels + offset, and what to do with it. The identity is crop = (0, 0, w, h),
// no flip.
struct AugmentSample {
  int64_t offset;
  int32_t h, w;
  float crop_x, crop_y, crop_w, crop_h;  // pixels of the source; crop_w, crop_h > 0
  int32_t flip = 0;
};

struct AugmentKernels {
  // pixels and samples[n] lie on the device; y is [n, out_h, out_w, 3] of `dtype`.
  void (*forward)(const AugmentShape&, DType, const uint8_t* pixels, const AugmentSample* samples, void* y);
};
extern const AugmentKernels augment_cpu, augment_cuda;

}  // namespace pc
