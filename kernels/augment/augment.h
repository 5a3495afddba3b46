// augment: packed u8 images to a normalized network input in one pass: crop, affine transform, resize, flip, new
// background, color transform, posterize, solarize, erase, normalize.
//
// Output pixel (i, j) of sample n is sampled at one point of the image. The crop is divided into out_h x out_w cells
// (mirrored with `flip`); the point is the center of cell (i, j), with its offset from the crop's center multiplied by
// the 2x2 matrix `turn`. The pixel's value is the mean of the source pixels under a triangle filter around that point
// (bilinear when enlarging, antialiased when reducing): per axis, with scale = crop / out,
//   weight_k = max(0, 1 - |k + 0.5 - point| / max(1, scale)), divided by their sum,
// over the pixels whose center is inside the crop, start <= k + 0.5 < start + crop (if there is none, the first one
// after start), or over all pixels if the matrix is not the identity. A crop may reach beyond the image; pixels there
// have the color `fill`. A crop of whole pixels gives torchvision's crop (padded with `fill`) followed by its resize
// with antialias=True. Sums are f32; intermediate values are rounded to u8 only for posterize and solarize.
//
// With a background b the object, m = mask / 255 (0 beyond the image), is composited over it:
//   value = sum weight m pixel + (1 - sum weight m) b(i, j)
// Then the color matrix is applied. `bits` < 8 posterizes and `invert_from` < 256 solarizes, both as on a u8 image. The
// result is normalized; in the erased rectangle y is 0:
//   v_c = clamp(sum_k color[c][k] value_k / 255 + color[c][3], 0, 1)
//   t_c = round(255 v_c) with its lowest 8 - bits bits cleared;  v_c = (t_c >= invert_from ? 255 - t_c : t_c) / 255
//   y_c = (v_c - mean_c) / std_c
#pragma once

#include "kernels/runtime/select.h"

namespace pc {

struct AugmentShape {
  int n, out_h, out_w;
  float mean[3], std[3];  // of values in 0..1
  uint8_t fill[3] = {255, 255, 255};
  int channels = 3;  // of y; channels after the third are 0
};

// The source pixels, on the device.
struct AugmentSource {
  const uint8_t* pixels;
  const uint8_t* mask = nullptr;  // pixel p has mask[p]: 255 object, 0 background; only for samples with a background
  const uint8_t* backgrounds = nullptr;  // images of out_h x out_w RGB
};

// One image of the batch, h x w RGB at pixels + offset (a multiple of 3 if there is a background), and its transform.
// The identity is crop = (0, 0, w, h) and the defaults.
struct AugmentSample {
  int64_t offset;
  int32_t h, w;
  float crop_x, crop_y, crop_w, crop_h;  // pixels of the source; crop_w, crop_h > 0
  int32_t flip = 0;
  float turn[2][2] = {{1, 0}, {0, 1}};         // (x, y) in the output to (x, y) in the image, each in -4..4
  int64_t background = -1;                     // b begins at backgrounds + background; -1: keep the image's own
  int32_t background_x = 0, background_y = 0;  // b is shifted by so many pixels and wraps around
  float color[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
  int32_t bits = 8, invert_from = 256;                         // 1..8 and 0..256
  int32_t erase_x = 0, erase_y = 0, erase_w = 0, erase_h = 0;  // pixels of the output
};

struct AugmentKernels {
  // samples[n] is on the device; y is [n, out_h, out_w, channels] of `dtype`.
  void (*forward)(const AugmentShape&, DType, const AugmentSource&, const AugmentSample* samples, void* y);
};
extern const AugmentKernels augment_cpu, augment_cuda;

}  // namespace pc
