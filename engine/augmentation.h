// Augmentation: the random changes that training applies to each image and each batch, on top of preprocessing.
//
// Every random number is a function of (seed, epoch, index in the epoch): the same on every device and with any number
// of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/preprocess.h"
#include "kernels/mix/mix.h"

namespace pc {

// Zero strength everywhere is the identity.
struct Augmentation {
  float flip = 0.5f;         // probability of a horizontal flip
  float min_area = 0.7f;     // the area of a crop relative to the image: at least this …
  float max_area = 1;        // … at most this; above 1 the image appears smaller, with background around it
  float max_stretch = 1.2f;  // the crop's aspect ratio is changed by at most this factor
  float rotate = 0;          // rotation by up to so many degrees, in either direction
  float brightness = 0, contrast = 0,
        saturation = 0;   // factors of 1 - strength … 1 + strength, as torchvision's ColorJitter; in 0..1
  float temperature = 0;  // red times 1 - strength … 1 + strength, blue inversely; in 0..1
  float erase = 0;        // probability that a rectangle of 2 to 33 % of the input is blanked (Zhong et al., AAAI 2020)
  // Probability of TrivialAugment (Müller & Hutter, ICCV 2021): one operation, all equally likely, with a strength
  // uniform in the paper's "wide" ranges. Identity; translate by up to 32 pixels of the input; shear by up to 0.99;
  // rotate by up to 135 degrees; brightness, saturation and contrast times 0.01 … 1.99; posterize to 8 … 2 bits;
  // solarize with threshold 256 … 0. Differences from the paper: strengths are continuous instead of 31 steps, shears
  // are about the center, and contrast is about mid-gray instead of the image's mean. Sharpness, autocontrast and
  // equalize are left out: they depend on other pixels.
  float trivial = 0;
  float background = 0;  // probability that the object is composited over another background
  int surfaces = 0;      // the number of backgrounds to choose from
};

// The sample at position `index` of the epoch: an image of h x w pixels at `offset`.
AugmentSample draw(const Preprocess& preprocess, const Augmentation& augmentation, uint64_t seed, uint64_t epoch,
                   uint64_t index, int64_t offset, int h, int w);

// The parameters a of the distributions Beta(a, a) of lambda for mixup and cutmix, in 0..1; 0: off. If both are
// positive, each pair uses one of them, with equal probability.
struct Mixing {
  float mixup = 0, cutmix = 0;
  bool on() const { return mixup > 0 || cutmix > 0; }
};

// The pairs, one for every two images, of the batch at step `step` of the epoch.
std::vector<MixPair> draw_pairs(const Mixing& mixing, int n, int h, int w, uint64_t seed, uint64_t epoch,
                                uint64_t step);

// The fraction of each partner's own image that remains, in 0..1.
float own_share(const MixPair& pair, int h, int w);

}  // namespace pc
