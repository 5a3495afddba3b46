// Augmentation: what training draws for each picture and each batch around the recipe of preprocessing.
//
// Everything is drawn by counter from (seed, epoch, place in the epoch): the same on every device, with any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/preprocess.h"
#include "kernels/mix/mix.h"

namespace pc {

// Zero strength everywhere is the identity.
struct Augmentation {
  float flip = 0.5f;         // probability of mirroring
  float min_area = 0.7f;     // a crop has this share of the picture's area …
  float max_area = 1;        // … up to this; above 1 the picture appears smaller, with background around it
  float max_stretch = 1.2f;  // the crop's aspect ratio is changed by at most this factor
  float rotate = 0;          // degrees: turned by up to so many, either way
  float brightness = 0, contrast = 0,
        saturation = 0;   // factors of 1 - strength … 1 + strength, as torchvision's ColorJitter; in 0..1
  float temperature = 0;  // red times 1 - strength … 1 + strength, blue the other way round; in 0..1
  float erase = 0;        // probability that a rectangle of 2 to 33 % of the input is blanked (Zhong et al., AAAI 2020)
  // Probability of TrivialAugment (Müller & Hutter, ICCV 2021): one operation, each as likely, its strength uniform up
  // to the paper's "wide" ranges. Identity; shifts by up to 32 pixels of the input; slants by up to 0.99; turns by up
  // to 135 degrees; brightness, saturation and contrast times 0.01 … 1.99; 8 … 2 bits a color; tones from 256 … 0
  // inverted. Unlike there, strengths are no 31 steps, slants are about the middle and contrast is about mid-gray, not
  // the picture's mean. Sharpness, autocontrast and equalize are left out: they look at other pixels.
  float trivial = 0;
  float background = 0;  // probability that the object is laid on another surface
  int surfaces = 0;      // how many there are to choose from
};

// The sample at place `index` of the epoch, of h x w pixels at `offset`.
AugmentSample draw(const Preprocess& preprocess, const Augmentation& augmentation, uint64_t seed, uint64_t epoch,
                   uint64_t index, int64_t offset, int h, int w);

// Concentrations of the Beta(a, a) that mixup and cutmix draw their shares from, in 0..1; 0: never. Of two positive ones each pair takes
// either with equal chance.
struct Mixing {
  float mixup = 0, cutmix = 0;
  bool on() const { return mixup > 0 || cutmix > 0; }
};

// One for every two pictures of the batch that is step `step` of the epoch.
std::vector<MixPair> draw_pairs(const Mixing& mixing, int n, int h, int w, uint64_t seed, uint64_t epoch,
                                uint64_t step);

// What is left of each partner's own picture, in 0..1.
float own_share(const MixPair& pair, int h, int w);

}  // namespace pc
