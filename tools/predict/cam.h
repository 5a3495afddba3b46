// Class activation maps: where in a picture the evidence for a class lies.
//
// Zhou et al., "Learning deep features for discriminative localization", CVPR 2016. Behind a mean over places and a
// linear head it is what Grad-CAM (Selvaraju et al., ICCV 2017) gives, up to a positive factor.
#pragma once

#include <vector>

#include "data/image.h"
#include "engine/preprocess.h"
#include "engine/tensor.h"
#include "models/map_grid.h"

namespace pc::predict {

// The centers of cells along one side of an image, as parts of that side: `first` + j * `step`.
struct Cells {
  double first = 0, step = 1;
};
// Of a feature map on `grid`, of an image with so many pixels on that side.
Cells cells_on(const MapGrid& grid, int pixels);

// h x w values, row-major, and where in the image they lie.
struct Heat {
  int h = 0, w = 0;
  std::vector<float> values;
  Cells down, across;
};

// What a feature map was made of: an input of this size, by a network whose last map has this grid.
struct MapInput {
  MapGrid grid;
  int height, width;
};
// What each cell of image `row` of the feature map [n,h,w,c] adds to the logit of `label`, with the head's weights
// [classes,c]: the mean of the values, plus the bias, is the logit.
Heat class_activation(const Tensor& features, int64_t row, const Tensor& weight, int label, const MapInput& input);

// The heat at every pixel of the image in any size: bilinear between the centers of cells, constant outside them.
std::vector<float> enlarged(const Heat& heat, int h, int w);

// Picture `row` of a network input [n,h,w,3], as the network saw it.
data::Image network_view(const Tensor& x, int64_t row, const Preprocess& preprocess);

// The picture in gray, where the evidence for the class lies in yellow to red: from 0, or from the least value where
// all places speak for it, to the largest. The picture may have another size than the network's input.
data::Image overlay(const data::Image& picture, const Heat& heat);

}  // namespace pc::predict
