#include "tools/predict/cam.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/base/math.h"

namespace pc::predict {
namespace {

// The two cells whose centers lie around pixel i of `pixels`, and the share of the second.
struct Between {
  int first, second;
  double share;
};
Between between(int i, int pixels, const Cells& cells, int count) {
  const double at = std::clamp(((i + 0.5) / pixels - cells.first) / cells.step, 0.0, double(count - 1));
  const int first = int(at);
  return {first, std::min(first + 1, count - 1), at - first};
}

}  // namespace

Cells cells_on(const MapGrid& grid, int pixels) { return {(grid.offset + 0.5) / pixels, grid.stride / pixels}; }

Heat class_activation(const Tensor& features, int64_t row, const Tensor& weight, int label, const MapInput& input) {
  const int64_t h = features.dim(1), w = features.dim(2), c = features.dim(3);
  if (weight.rank() != 2 || weight.dim(1) != c || label < 0 || label >= weight.dim(0) || row >= features.dim(0))
    fail_shape(fmt::format("class_activation: features {}, weight {}, row {}, label {}", to_string(features.shape()),
                           to_string(weight.shape()), row, label));
  const std::vector<float> map = features.to_vector<float>(), weights = weight.to_vector<float>();
  Heat heat{.h = int(h),
            .w = int(w),
            .values = {},
            .down = cells_on(input.grid, input.height),
            .across = cells_on(input.grid, input.width)};
  for (int64_t place = 0; place < h * w; ++place) {
    double sum = 0;
    for (int64_t i = 0; i < c; ++i)
      sum += double(map[std::size_t((row * h * w + place) * c + i)]) * double(weights[std::size_t(label * c + i)]);
    heat.values.push_back(float(sum));
  }
  return heat;
}

std::vector<float> enlarged(const Heat& heat, int h, int w) {
  std::vector<float> large;
  const auto at = [&](int y, int x) {
    return double(heat.values[std::size_t(y) * std::size_t(heat.w) + std::size_t(x)]);
  };
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      const Between down = between(y, h, heat.down, heat.h), across = between(x, w, heat.across, heat.w);
      const auto line = [&](int of) { return std::lerp(at(of, across.first), at(of, across.second), across.share); };
      large.push_back(float(std::lerp(line(down.first), line(down.second), down.share)));
    }
  return large;
}

data::Image network_view(const Tensor& x, int64_t row, const Preprocess& preprocess) {
  const std::vector<float> values = x.to_vector<float>();
  const auto pixels = std::size_t(x.dim(1) * x.dim(2)), channels = std::size_t(x.dim(3));  // 3, and padding
  data::Image image{.h = int(x.dim(1)), .w = int(x.dim(2)), .pixels = {}};
  for (std::size_t i = 0; i < pixels; ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const double value = double(values[(std::size_t(row) * pixels + i) * channels + c]);
      image.pixels.push_back(to_byte(255 * (value * preprocess.std[c] + preprocess.mean[c])));
    }
  return image;
}

data::Image overlay(const data::Image& picture, const Heat& heat) {
  const std::vector<float> large = enlarged(heat, picture.h, picture.w);
  const auto [lowest, highest] = std::minmax_element(large.begin(), large.end());
  const double least = std::max(0.0f, *lowest), range = std::max(1e-20, *highest - least);
  data::Image image = picture;
  for (std::size_t i = 0; i < large.size(); ++i) {
    uint8_t* rgb = &image.pixels[3 * i];
    const double gray = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    const double share = std::clamp((large[i] - least) / range, 0.0, 1.0);
    const double color[] = {235, 200 * (1 - share), 30};
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = to_byte(std::lerp(gray, color[c], 0.7 * share));
  }
  return image;
}

}  // namespace pc::predict
