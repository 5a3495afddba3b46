// Class activation maps: where in a picture the evidence for a class lies.
//
// Zhou et al., "Learning deep features for discriminative localization", CVPR 2016. Behind a mean over places and a
// linear head it is what Grad-CAM (Selvaraju et al., ICCV 2017) gives, up to a positive factor.
#pragma once

#include <vector>

#include "data/image.h"
#include "engine/preprocess.h"
#include "engine/tensor.h"

namespace pc::predict {

// h x w values, row-major.
struct Heat {
  int h = 0, w = 0;
  std::vector<float> values;
};

// What each place of picture `row` of the feature map [n,h,w,c] adds to the logit of `label`, with the head's weights
// [classes,c]: the mean of the values, plus the bias, is the logit.
Heat class_activation(const Tensor& features, int64_t row, const Tensor& weight, int label);

// Bilinear, each value at the middle of its cell.
Heat enlarged(const Heat& heat, int h, int w);

// Picture `row` of a network input [n,h,w,3], as the network saw it.
data::Image network_view(const Tensor& x, int64_t row, const Preprocess& preprocess);

// The picture in gray, where the evidence for the class lies in yellow to red: from 0, or from the least value where
// all places speak for it, to the largest. Heat of another size is enlarged to the picture's.
data::Image overlay(const data::Image& picture, const Heat& heat);

}  // namespace pc::predict
