#include "data/corrupt.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/background.h"
#include "data/decode.h"
#include "data/jpeg.h"
#include "data/orientation.h"
#include "data/resize.h"
#include "data/surface.h"
#include "kernels/base/error.h"
#include "kernels/base/math.h"
#include "kernels/base/random.h"

namespace pc::data {
namespace {

struct Kind {
  const char* name;
  std::array<double, kSeverities> amount;
  std::array<const char*, kSeverities> strength;
};

const Kind& kind_of(Corruption kind) {
  static const std::array<Kind, kCorruptions.size()> kinds = {{
      {"JPEG", {40, 20, 8}, {"quality 40", "quality 20", "quality 8"}},
      {"blur", {0.012, 0.025, 0.045}, {"sigma 1.2 %", "sigma 2.5 %", "sigma 4.5 %"}},  // of the short side
      {"noise", {10, 25, 50}, {"sigma 10", "sigma 25", "sigma 50"}},                   // of 255
      {"dark", {-1, -2, -3}, {"-1 stop", "-2 stops", "-3 stops"}},
      {"bright", {0.5, 1, 1.5}, {"+0.5 stop", "+1 stop", "+1.5 stops"}},
      {"warm", {0.15, 0.3, 0.45}, {"blue -15 %", "blue -30 %", "blue -45 %"}},
      {"cold", {0.15, 0.3, 0.45}, {"red -15 %", "red -30 %", "red -45 %"}},
      {"low resolution", {1.5, 2.5, 4}, {"1 : 1.5", "1 : 2.5", "1 : 4"}},
      {"rotation", {6, 3, 8}, {"90°", "180°", "270°"}},  // orientations of EXIF
      {"tilt", {5, 10, 20}, {"5°", "10°", "20°"}},
      {"background", {1 / 3.0, 2 / 3.0, 1}, {"surface 33 %", "surface 67 %", "surface 100 %"}},
  }};
  return kinds[std::size_t(kind)];
}

uint8_t* pixel(Image& image, int y, int x) {
  return &image.pixels[(std::size_t(y) * std::size_t(image.w) + std::size_t(x)) * 3];
}
const uint8_t* pixel(const Image& image, int y, int x) {
  return &image.pixels[(std::size_t(y) * std::size_t(image.w) + std::size_t(x)) * 3];
}

Image blank(int h, int w) {
  return {.h = h, .w = w, .pixels = std::vector<uint8_t>(std::size_t(h) * std::size_t(w) * 3)};
}

// The image at a point, bilinear; beyond its border the border's color.
void sample(const Image& image, double y, double x, uint8_t* out) {
  y = std::clamp(y, 0.0, double(image.h - 1)), x = std::clamp(x, 0.0, double(image.w - 1));
  const int y0 = int(y), x0 = int(x), y1 = std::min(y0 + 1, image.h - 1), x1 = std::min(x0 + 1, image.w - 1);
  const double v = y - y0, u = x - x0;
  for (int c = 0; c < 3; ++c)
    out[c] = to_byte((1 - v) * ((1 - u) * pixel(image, y0, x0)[c] + u * pixel(image, y0, x1)[c]) +
                     v * ((1 - u) * pixel(image, y1, x0)[c] + u * pixel(image, y1, x1)[c]));
}

Image through_jpeg(const Image& image, int quality) {
  return decode_image(encode_jpeg(image, {.quality = quality}), "JPEG", {});
}

// One pass along the axis whose pixels lie (dy, dx) apart; the border's color continues beyond it.
Image blurred_along(const Image& image, double sigma, int dy, int dx) {
  const int reach = std::max(1, int(std::ceil(3 * sigma)));
  std::vector<double> weights;
  for (int i = -reach; i <= reach; ++i) weights.push_back(std::exp(-0.5 * i * i / (sigma * sigma)));
  double total = 0;
  for (double weight : weights) total += weight;
  Image out = blank(image.h, image.w);
  for (int y = 0; y < image.h; ++y)
    for (int x = 0; x < image.w; ++x) {
      double sum[3] = {};
      for (int i = -reach; i <= reach; ++i) {
        const uint8_t* from =
            pixel(image, std::clamp(y + i * dy, 0, image.h - 1), std::clamp(x + i * dx, 0, image.w - 1));
        for (int c = 0; c < 3; ++c) sum[c] += weights[std::size_t(i + reach)] * from[c];
      }
      for (int c = 0; c < 3; ++c) pixel(out, y, x)[c] = to_byte(sum[c] / total);
    }
  return out;
}

// Grain of 1/60 of the short side, so that resizing a large photo does not average it away.
Image noisy(Image image, double sigma, uint64_t key, uint64_t item) {
  const int grain = std::max(1, std::min(image.h, image.w) / 60);
  for (int y = 0; y < image.h; ++y)
    for (int x = 0; x < image.w; ++x) {
      const Philox random = philox(key, item, uint64_t(y / grain) << 32 | uint64_t(x / grain));
      const auto normal = [&](int a, int b, auto wave) {  // Box-Muller
        const double angle = 2 * std::numbers::pi * random.word[b] / 4294967296.0;
        return std::sqrt(-2 * std::log((random.word[a] + 1.0) / 4294967296.0)) * wave(angle);
      };
      const auto cosine = [](double a) { return std::cos(a); };
      const double by[3] = {normal(0, 1, cosine), normal(0, 1, [](double a) { return std::sin(a); }),
                            normal(2, 3, cosine)};
      for (int c = 0; c < 3; ++c) pixel(image, y, x)[c] = to_byte(pixel(image, y, x)[c] + sigma * by[c]);
    }
  return image;
}

Image scaled_colors(Image image, const std::array<double, 3>& gain) {
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = to_byte(image.pixels[i] * gain[i % 3]);
  return image;
}

// In linear light, which pixels hold to the power of 1 / 2.2.
Image exposed(Image image, double stops) {
  const double gain = std::exp2(stops / 2.2);
  return scaled_colors(std::move(image), {gain, gain, gain});
}

Image coarse(const Image& image, double factor) {
  const auto less = [&](int length) { return std::max(1, int(std::lround(length / factor))); };
  const Image small = resize(image, less(image.h), less(image.w));
  Image out = blank(image.h, image.w);
  for (int y = 0; y < image.h; ++y)
    for (int x = 0; x < image.w; ++x)
      sample(small, (y + 0.5) * small.h / image.h - 0.5, (x + 0.5) * small.w / image.w - 0.5, pixel(out, y, x));
  return out;
}

// About the middle; the corners that come into view get the border's color.
Image tilted(const Image& image, double degrees) {
  const double angle = degrees * std::numbers::pi / 180, cosine = std::cos(angle), sine = std::sin(angle);
  const double middle_y = (image.h - 1) / 2.0, middle_x = (image.w - 1) / 2.0;
  Image out = blank(image.h, image.w);
  for (int y = 0; y < image.h; ++y)
    for (int x = 0; x < image.w; ++x) {
      const double v = y - middle_y, u = x - middle_x;
      sample(image, middle_y + cosine * v + sine * u, middle_x - sine * v + cosine * u, pixel(out, y, x));
    }
  return out;
}

Image on_surface(Image image, double share, uint64_t key, uint64_t item) {
  std::vector<uint8_t> mask(image.pixels.size() / 3);
  mark_object(image.pixels.data(), image.h, image.w, mask.data());
  const Image surface = make_surface(image.h, image.w, key, item);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const double seen = share * (255 - mask[i / 3]) / 255;
    image.pixels[i] = to_byte((1 - seen) * image.pixels[i] + seen * surface.pixels[i]);
  }
  return image;
}

}  // namespace

const char* name_of(Corruption kind) { return kind_of(kind).name; }
const char* strength_of(Corruption kind, int severity) { return kind_of(kind).strength.at(std::size_t(severity - 1)); }

Image corrupt(const Image& image, Corruption kind, int severity, uint64_t seed, uint64_t item) {
  if (severity < 1 || severity > kSeverities) fail_shape("corrupt: severity is 1, 2 or 3");
  const double amount = kind_of(kind).amount[std::size_t(severity - 1)];
  const uint64_t key = seed * 64 + uint64_t(kind) * 4 + uint64_t(severity);
  const double sigma = amount * std::min(image.h, image.w);
  switch (kind) {
    case Corruption::jpeg:
      return through_jpeg(image, int(amount));
    case Corruption::blur:
      return blurred_along(blurred_along(image, sigma, 0, 1), sigma, 1, 0);
    case Corruption::noise:
      return noisy(image, amount, key, item);
    case Corruption::dark:
    case Corruption::bright:
      return exposed(image, amount);
    case Corruption::warm:
      return scaled_colors(image, {1, 1 - amount / 2, 1 - amount});
    case Corruption::cold:
      return scaled_colors(image, {1 - amount, 1 - amount / 2, 1});
    case Corruption::low_resolution:
      return coarse(image, amount);
    case Corruption::rotation:
      return detail::orient(image, int(amount));
    case Corruption::tilt:
      return tilted(image, philox(key, item, 0).word[0] % 2 ? amount : -amount);
    case Corruption::background:  // one surface for all severities
      return on_surface(image, amount, seed, item);
  }
  fail_shape("corrupt: unknown kind");
}

}  // namespace pc::data
