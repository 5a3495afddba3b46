// The plan behind dw of conv2d on the CPU: which operand gives the rows of the register tiles, how the channels are cut
// into slices, and how many images are taken at a time.
#pragma once

#include "kernels/conv2d/conv2d_gather.h"

namespace pc::conv2d {

// One side of the product: its channels in `count` nearly equal slices, each of them all pixels of the block one after
// the other.
struct WeightSide {
  int channels, count, pitch;  // channels of a group; floats from pixel to pixel
  int64_t size;                // floats from slice to slice
  int step;                    // channels from pixel to pixel of the tensor, those of all groups
  int begin(int64_t i) const { return int(int64_t(channels) * i / count); }
};

// The plan for one group of a shape. Usually dy gives the rows of a tile and x its columns. With few channels x gives the rows,
// straight from padded images whose s * c numbers under a filter row are one run, and dy the columns.
struct WeightPlan {
  bool fold, pairs;
  bool dy_as_is;  // as the columns, f32 in whole tiles: no copy needed
  int taps_h, taps_w;
  int left, width;  // columns of zeros left of x that it does not have in memory; its width there
  WeightSide x, dy;
  int64_t x_image, dy_image;  // floats of one image (or pair of images, as all below) in a slice
  int block;                  // images at a time: the slices that a tile walks over should stay in L2
  int chunk;                  // images copied at a time, some blocks: a thread waits for others once per chunk
};
WeightPlan weight_plan(const Conv2dShape&, DType, const RegisterTile&);

// Floats from pixel to pixel in slices that give rows: whole cache lines.
constexpr int row_pitch(const RegisterTile& tile) { return (tile.rows + kLine - 1) / kLine * kLine; }

}  // namespace pc::conv2d
