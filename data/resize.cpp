// The triangle filter, one direction after the other.
#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "kernels/base/error.h"

namespace pc {
namespace {

// The input pixels that make one output pixel.
struct Taps {
  int begin = 0;
  std::vector<float> weights;  // sum 1
};

// Weights of sum 1 in steps of 2^-16. Their sums over bytes need no more than the 24 bits of an f32: no order of adding
// them up rounds anything, so ties fall the same way everywhere, in an exported graph too. It is the sums up to each
// weight that are rounded, which keeps the whole at 1.
std::vector<float> in_steps(const std::vector<double>& weights) {
  constexpr double kSteps = 1 << 16;
  const double whole = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<float> rounded;
  double sum = 0, before = 0;
  for (const double weight : weights) {
    sum += weight / whole;
    const double here = std::floor(sum * kSteps + 0.5);
    rounded.push_back(float((here - before) / kSteps));
    before = here;
  }
  return rounded;
}

std::vector<Taps> triangle(int from, int to) {
  const double scale = double(from) / to;  // >= 1: also the half width of the triangle
  std::vector<Taps> taps(std::size_t(to), Taps{});
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int begin = std::max(0, int(center - scale + 0.5)), end = std::min(from, int(center + scale + 0.5));
    Taps& t = taps[std::size_t(i)];
    t.begin = begin;
    std::vector<double> weights;
    for (int j = begin; j < end; ++j) weights.push_back(std::max(0.0, 1 - std::abs((j + 0.5 - center) / scale)));
    t.weights = in_steps(weights);
  }
  return taps;
}

// Each output row is a weighted sum of input rows of `width` bytes. One line of pixels is a column of 3-byte rows.
void filter_rows(const uint8_t* in, uint8_t* out, const std::vector<Taps>& taps, std::size_t width) {
  std::vector<float> sum(width);
  for (const Taps& t : taps) {
    std::fill(sum.begin(), sum.end(), 0.5f);
    for (std::size_t j = 0; j < t.weights.size(); ++j) {
      const uint8_t* row = in + (std::size_t(t.begin) + j) * width;
      for (std::size_t x = 0; x < width; ++x) sum[x] += t.weights[j] * float(row[x]);
    }
    for (std::size_t x = 0; x < width; ++x) out[x] = uint8_t(sum[x]);
    out += width;
  }
}

}  // namespace

Image resize(const Image& image, int h, int w) {
  if (h < 1 || w < 1 || h > image.h || w > image.w) fail_shape("resize: the output must not be larger than the image");
  Image rows{.h = image.h, .w = w, .pixels = std::vector<uint8_t>(std::size_t(image.h) * std::size_t(w) * 3)};
  const std::vector<Taps> across = triangle(image.w, w);
  for (int y = 0; y < image.h; ++y) {
    filter_rows(&image.pixels[std::size_t(y) * std::size_t(image.w) * 3],
                &rows.pixels[std::size_t(y) * std::size_t(w) * 3], across, 3);
  }
  Image out{.h = h, .w = w, .pixels = std::vector<uint8_t>(std::size_t(h) * std::size_t(w) * 3)};
  filter_rows(rows.pixels.data(), out.pixels.data(), triangle(image.h, h), std::size_t(w) * 3);
  return out;
}

Image resize_to_short_side(Image image, int short_side) {
  const int side = std::min(image.h, image.w);
  if (short_side <= 0 || side <= short_side) return image;
  const double scale = double(short_side) / side;
  const auto scaled = [&](int length) { return std::max(1, int(std::lround(length * scale))); };
  return resize(image, scaled(image.h), scaled(image.w));
}

}  // namespace pc
