#include "engine/preprocess.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/error.h"

namespace pc {

Resize resize_from_name(const std::string& name) {
  for (Resize r : {Resize::stretch, Resize::pad, Resize::crop})
    if (name == name_of(r)) return r;
  fail(Exit::usage, "unknown resize \"" + name + "\"; use stretch, pad or crop");
}

const char* name_of(Resize resize) {
  return resize == Resize::stretch ? "stretch" : resize == Resize::pad ? "pad" : "crop";
}

AugmentShape Preprocess::shape() const {
  AugmentShape shape{.n = 0, .out_h = height, .out_w = width};
  for (std::size_t i = 0; i < 3; ++i) shape.mean[i] = mean[i], shape.std[i] = std[i], shape.fill[i] = fill[i];
  return shape;
}

AugmentSample Preprocess::identity(int64_t offset, int h, int w) const {
  AugmentSample sample{
      .offset = offset, .h = h, .w = w, .crop_x = 0, .crop_y = 0, .crop_w = float(w), .crop_h = float(h)};
  if (resize == Resize::stretch) return sample;
  const float ratio = float(width) / float(height), own = float(w) / float(h);
  // pad enlarges the rectangle to the input's aspect ratio, crop reduces it; both keep the center.
  if ((own < ratio) == (resize == Resize::pad))
    sample.crop_w = float(h) * ratio;
  else
    sample.crop_h = float(w) / ratio;
  sample.crop_x = (float(w) - sample.crop_w) / 2;
  sample.crop_y = (float(h) - sample.crop_h) / 2;
  return sample;
}

}  // namespace pc
