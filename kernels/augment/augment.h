// augment: packed u8 pictures to a normalised network input in one pass: crop, turn, resize, flip, new background,
// recolour, erase, normalise.
//
// Output pixel (i, j) of sample n looks at one point of the picture: the middle of cell (i, j) of its crop cut into
// out_h x out_w cells (mirrored with `flip`), whose way from the crop's middle is turned or slanted by a 2x2 matrix.
// Its value is the mean of the source pixels under a triangle around that point (bilinear when enlarging, antialiased
// when reducing): per axis, with scale = crop / out,
//   weight_k = max(0, 1 - |k + 0.5 - point| / max(1, scale)), divided by their sum,
// over the pixels whose centre lies in the crop, start <= k + 0.5 < start + crop (the first after start where there is
// none), or over all pixels where the matrix is not the identity. A crop may reach beyond the picture; pixels there
// have the `fill` colour. A crop of whole pixels is torchvision's crop (padded with `fill`) followed by its resize with
// antialias=True. Sums are f32; nothing but changed tones is rounded to u8 on the way.
//
// With a background b the object, m = mask / 255 (0 beyond the picture), is laid over it:
//   value = sum weight m pixel + (1 - sum weight m) b(i, j)
// Then the colours are mixed, with `bits` < 8 or `invert_from` < 256 the tones of a u8 picture changed, and the result
// normalised; in the erased rectangle y is 0:
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
  int channels = 3;  // of y; 0 beyond the third
};

// What the pictures are made of, on the device.
struct AugmentSource {
  const uint8_t* pixels;
  const uint8_t* mask = nullptr;  // of pixel p at mask[p]: 255 object, 0 background; for samples with a background
  const uint8_t* backgrounds = nullptr;  // pictures of out_h x out_w RGB
};

// One picture of the batch: h x w RGB at pixels + offset (a multiple of 3 where there is a background), and what to do
// with it. The identity is crop = (0, 0, w, h) and the defaults.
struct AugmentSample {
  int64_t offset;
  int32_t h, w;
  float crop_x, crop_y, crop_w, crop_h;  // pixels of the source; crop_w, crop_h > 0
  int32_t flip = 0;
  float turn[2][2] = {{1, 0}, {0, 1}};         // (across, down) in the output to those in the picture, each in -4..4
  int64_t background = -1;                     // b begins at backgrounds + background; -1: the picture keeps its own
  int32_t background_x = 0, background_y = 0;  // b is shifted by so many pixels, what leaves it comes back in
  float color[3][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}};
  int32_t bits = 8, invert_from = 256;                         // 1..8 and 0..256
  int32_t erase_x = 0, erase_y = 0, erase_w = 0, erase_h = 0;  // pixels of the output
};

struct AugmentKernels {
  // samples[n] lie on the device; y is [n, out_h, out_w, channels] of `dtype`.
  void (*forward)(const AugmentShape&, DType, const AugmentSource&, const AugmentSample* samples, void* y);
};
extern const AugmentKernels augment_cpu, augment_cuda;

}  // namespace pc
