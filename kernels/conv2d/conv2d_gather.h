// The plan behind y and dx of conv2d on the CPU: which pixels of the result the same filter taps reach, in which
// register tiles, and whether the input is copied first.
//
// Integers only, so it is compiled once for every machine; what differs between machines is in RegisterTile.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace pc::conv2d {

// What the vector code multiplies at once.
struct RegisterTile {
  int rows;    // pixels of the result
  int block;   // its channels
  bool pairs;  // a packed element may be two bf16
  int lanes() const { return block / 2; }
};
// `rows` broadcast elements times two vectors: their sums fill the register file.
constexpr RegisterTile register_tile(int lanes, bool pairs) {
  return {.rows = lanes == 16 ? 14 : 6, .block = 2 * lanes, .pairs = pairs};
}

constexpr int kLine = 16;  // packed elements in a cache line

// With few channels, the s * c numbers under one filter row are one run of the padded row: as many channels of a filter
// of width 1.
bool folds(const Conv2dShape&);

// Two channels of bf16 in a packed element if the CPU can and the channels are even.
bool use_pairs(const RegisterTile&, DType, int channels);

// out[n, i, j, o] = sum over the taps (r, s) that reach (i, j) and over c of in[n, i', j', c] * filter[o, r, s, c].
// Each number is one chain of multiply-adds in the order r, s, c, whatever the tiles and threads.
struct Gather {
  int n, out_h, out_w, channels_in, channels_out, taps_h,
      taps_w;    // channels of a group; channels_in in packed elements
  int out_step;  // from pixel to pixel of the result
  bool pairs = false;
  int64_t image_step = 0, row_step = 0, pixel_step = 0;  // of the input, in packed elements
};

struct GatherTap {
  int64_t offset;  // of the input pixel, from the coord's
  int64_t weight;  // of its channels in a panel
};
struct GatherCoord {
  int64_t in, out;  // where the first tap lies in an image of the input, and the pixel in one of the result
};
// Pixels of an image that the same taps reach, divided into tiles of nearly equal height; those of all images count.
struct PixelGroup {
  std::vector<GatherTap> taps;
  std::vector<GatherCoord> coords;
  int64_t pixels = 0, tiles = 0, first_tile = 0;
};
// by_taps: each group has one tap, and a pixel is in several.
struct GatherPlan {
  Gather gather = {};
  std::vector<PixelGroup> groups;
  bool by_taps = false;
  int64_t blocks = 0, panel_size = 0;  // of the filter, see Panels
  bool panel_outer = false;  // the filter does not fit L2 next to the input: a panel stays there for all tiles
};

struct Images {
  int n, h, w, c;
  int step;  // from pixel to pixel: more than c if c is a group's part of the channels
};
struct Border {
  int left = 0, right = 0;  // columns of zeros that a copy of images gets
};

// A gather of one group and what its input goes through before: a copy if that is needed or pays.
struct GatherRoute {
  Conv2dShape shape;
  Images images;
  DType dtype;
  Border border;
  bool copied;
  GatherPlan plan;
};
std::shared_ptr<const GatherRoute> forward_route(const Conv2dShape&, DType, const RegisterTile&);
std::shared_ptr<const GatherRoute> backward_route(const Conv2dShape&, DType, const RegisterTile&);

}  // namespace pc::conv2d
