// Where the cells of a feature map lie in the image: cell j is centered on pixel stride * j + offset, counted from 0.
//
// The center of what a cell can see, its receptive field; the padding of the layers does not move it (Araujo et al.,
// "Computing receptive fields of convolutional neural networks", Distill 2019).
#pragma once

namespace pc {

struct MapGrid {
  double stride = 1, offset = 0;  // of the image itself
  // The grid of the map that a convolution or a pooling makes of a map on this grid.
  MapGrid after(int kernel_size, int layer_stride, int pad) const {
    return {stride * layer_stride, offset + stride * ((kernel_size - 1) / 2.0 - pad)};
  }
};

}  // namespace pc
