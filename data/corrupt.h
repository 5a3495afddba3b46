// Corruptions: what phones, messengers and careless hands do to an image, to measure how robust a model is.
#pragma once

#include <array>
#include <cstdint>

#include "data/image.h"

namespace pc {

enum class Corruption : uint8_t {
  jpeg,            // saved at a low quality
  blur,            // Gaussian
  noise,           // Gaussian, each color by itself
  dark,            // under-exposed
  bright,          // over-exposed, highlights clipped
  warm,            // white balance off
  cold,            //
  low_resolution,  // made smaller and enlarged again
  rotation,        // by a quarter turn, clockwise, severity times: height and width change places
  tilt,            // by a few degrees to either side
  background       // the white around the object becomes a made-up surface; unchanged if there is no white around it
};
constexpr std::array kCorruptions = {Corruption::jpeg, Corruption::blur,           Corruption::noise,
                                     Corruption::dark, Corruption::bright,         Corruption::warm,
                                     Corruption::cold, Corruption::low_resolution, Corruption::rotation,
                                     Corruption::tilt, Corruption::background};
const char* name_of(Corruption kind);  // "JPEG", "low resolution", …
constexpr int kSeverities = 3;
// What a severity (1 … 3) stands for: "quality 20", "180°".
const char* strength_of(Corruption kind, int severity);

// Widths, grain and shifts are fractions of the image's short side, so that thumbnails and photos are degraded alike.
// The same (kind, severity, seed, item) gives the same pixels; only noise, tilt and background draw random numbers.
// std::logic_error for a severity that is not 1 … 3.
Image corrupt(const Image& image, Corruption kind, int severity, uint64_t seed, uint64_t item);

}  // namespace pc
