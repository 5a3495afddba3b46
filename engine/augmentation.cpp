#include "engine/augmentation.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/base/random.h"

namespace pc {
namespace {

// The random numbers of one image or batch, by position; streams of different purposes never overlap.
class Draws {
 public:
  enum Purpose : uint64_t { crop = 0, change = 1, mix = 2, trivial = 3 };
  Draws(Purpose purpose, uint64_t seed, uint64_t epoch, uint64_t index)
      : seed_(seed), high_(uint64_t(purpose) << 48 ^ epoch), index_(index) {}
  float next() {
    const uint64_t at = used_++;
    return uniform(philox(seed_, high_, index_ * 2 + at / 4 % 2 + (at / 8 << 40)).word[at % 4]);
  }
  float around(float center, float strength) { return center + strength * (2 * next() - 1); }

 private:
  uint64_t seed_, high_, index_, used_ = 0;
};

void draw_crop(const Augmentation& a, Draws& draws, AugmentSample& s) {
  s.flip = draws.next() < a.flip;
  const float most = std::max(1.0f, std::sqrt(a.max_area));
  const float area = a.min_area + (std::max(a.max_area, a.min_area) - a.min_area) * draws.next();
  const float stretch = std::exp(std::log(std::max(1.0f, a.max_stretch)) * (2 * draws.next() - 1));
  draws.next();  // not used: without it the later numbers would change
  const float width = s.crop_w * std::min(most, std::sqrt(area * stretch));
  const float height = s.crop_h * std::min(most, std::sqrt(area / stretch));
  s.crop_x += (s.crop_w - width) * draws.next();
  s.crop_y += (s.crop_h - height) * draws.next();
  s.crop_w = width;
  s.crop_h = height;
}

// Applies another linear transform after the sample's matrix.
void turn_by(AugmentSample& s, float xx, float xy, float yx, float yy) {
  for (auto& row : s.turn) {
    const float x = row[0], y = row[1];
    row[0] = x * xx + y * yx;
    row[1] = x * xy + y * yy;
  }
}

// Clockwise as displayed.
void turn_by(AugmentSample& s, float degrees) {
  const double angle = double(degrees) * std::numbers::pi / 180;
  const float cosine = float(std::cos(angle)), sine = float(std::sin(angle));
  turn_by(s, cosine, sine, -sine, cosine);
}

// Saturation about the luma of ITU-R BT.601, contrast about mid-gray, then brightness and temperature.
struct Recolor {
  float saturation = 1, contrast = 1, brightness = 1, warm = 0;
  bool operator==(const Recolor&) const = default;
};

void recolor(AugmentSample& s, const Recolor& r) {
  if (r == Recolor{}) return;
  const float luma[3] = {0.299f, 0.587f, 0.114f}, gain[3] = {1 + r.warm, 1, 1 - r.warm};
  for (int c = 0; c < 3; ++c) {
    const float by = r.brightness * gain[c];
    for (int k = 0; k < 3; ++k)
      s.color[c][k] = by * r.contrast * (r.saturation * float(c == k) + (1 - r.saturation) * luma[k]);
    s.color[c][3] = by * (1 - r.contrast) * 0.5f;
  }
}

void draw_turn(const Augmentation& a, Draws& draws, AugmentSample& s) {
  const float degrees = draws.around(0, a.rotate);
  if (a.rotate != 0) turn_by(s, degrees);
}

Recolor draw_color(const Augmentation& a, Draws& draws) {
  const float saturation = draws.around(1, a.saturation), contrast = draws.around(1, a.contrast);
  const float brightness = draws.around(1, a.brightness), warm = draws.around(0, a.temperature);
  return {.saturation = saturation, .contrast = contrast, .brightness = brightness, .warm = warm};
}

void draw_trivial(const Augmentation& a, int h, int w, Draws& draws, AugmentSample& s, Recolor& color) {
  enum { identity, shift_x, shift_y, shear_x, shear_y, turn, brightness, saturation, contrast, bits, invert, count };
  const bool on = draws.next() < a.trivial;
  const int operation = std::min(int(draws.next() * float(count)), count - 1);
  const float strength = draws.around(0, 1), shear = 0.99f * strength, factor = 1 + 0.99f * strength;
  if (!on) return;
  if (operation == shift_x) s.crop_x += 32 * strength * s.crop_w / float(w);
  if (operation == shift_y) s.crop_y += 32 * strength * s.crop_h / float(h);
  if (operation == shear_x) turn_by(s, 1, shear, 0, 1);
  if (operation == shear_y) turn_by(s, 1, 0, shear, 1);
  if (operation == turn) turn_by(s, 135 * strength);
  if (operation == brightness) color.brightness *= factor;
  if (operation == saturation) color.saturation *= factor;
  if (operation == contrast) color.contrast *= factor;
  if (operation == bits) s.bits = 8 - int(std::lround(6 * std::abs(strength)));
  if (operation == invert) s.invert_from = int(std::lround(256 * (1 - std::abs(strength))));
}

void draw_erased(const Augmentation& a, int h, int w, Draws& draws, AugmentSample& s) {
  const bool on = draws.next() < a.erase;
  const float area = (0.02f + 0.31f * draws.next()) * float(h) * float(w);
  const float ratio = std::exp(std::log(3.3f) * (2 * draws.next() - 1));
  const float down = draws.next(), across = draws.next();
  if (!on) return;
  s.erase_h = std::min(h, int(std::lround(std::sqrt(area * ratio))));
  s.erase_w = std::min(w, int(std::lround(std::sqrt(area / ratio))));
  s.erase_y = int(down * float(h - s.erase_h + 1));
  s.erase_x = int(across * float(w - s.erase_w + 1));
}

void draw_background(const Augmentation& a, int h, int w, Draws& draws, AugmentSample& s) {
  const bool on = draws.next() < a.background && a.surfaces > 0;
  const auto number = int64_t(draws.next() * float(a.surfaces));
  const float across = draws.next(), down = draws.next();
  if (!on) return;
  s.background = std::min<int64_t>(number, a.surfaces - 1) * h * w * 3;
  s.background_x = int(across * float(w));
  s.background_y = int(down * float(h));
}

// Beta(a, a) for a in (0, 1]: M. D. Jöhnk, Metrika 8, 1964.
float draw_beta(float a, Draws& draws) {
  for (;;) {
    const double x = std::pow(double(draws.next()), 1.0 / double(a)),
                 y = std::pow(double(draws.next()), 1.0 / double(a));
    if (x + y > 0 && x + y <= 1) return float(x / (x + y));
  }
}

// A rectangle of 1 - lambda of the image's area, its center anywhere, clipped at the border.
MixPair draw_rectangle(float lambda, int h, int w, Draws& draws) {
  const float side = std::sqrt(1 - lambda);
  const int rh = int(std::lround(side * float(h))), rw = int(std::lround(side * float(w)));
  const int y = int(draws.next() * float(h)) - rh / 2, x = int(draws.next() * float(w)) - rw / 2;
  const int top = std::max(0, y), left = std::max(0, x);
  return {
      .x = left, .y = top, .w = std::max(0, std::min(w, x + rw) - left), .h = std::max(0, std::min(h, y + rh) - top)};
}

}  // namespace

AugmentSample draw(const Preprocess& preprocess, const Augmentation& a, uint64_t seed, uint64_t epoch, uint64_t index,
                   int64_t offset, int h, int w) {
  AugmentSample sample = preprocess.identity(offset, h, w);
  Draws crop(Draws::crop, seed, epoch, index), change(Draws::change, seed, epoch, index),
      trivial(Draws::trivial, seed, epoch, index);
  draw_crop(a, crop, sample);
  draw_turn(a, change, sample);
  Recolor color = draw_color(a, change);
  draw_trivial(a, preprocess.height, preprocess.width, trivial, sample, color);
  recolor(sample, color);
  draw_erased(a, preprocess.height, preprocess.width, change, sample);
  draw_background(a, preprocess.height, preprocess.width, change, sample);
  return sample;
}

std::vector<MixPair> draw_pairs(const Mixing& mixing, int n, int h, int w, uint64_t seed, uint64_t epoch,
                                uint64_t step) {
  std::vector<MixPair> pairs;
  for (int i = 0; i < n / 2; ++i) {
    Draws draws(Draws::mix, seed, epoch, step * 65536 + uint64_t(i));
    const bool cut = mixing.mixup == 0 || (mixing.cutmix > 0 && draws.next() < 0.5f);
    if (!mixing.on())
      pairs.push_back({});
    else if (cut)
      pairs.push_back(draw_rectangle(draw_beta(mixing.cutmix, draws), h, w, draws));
    else
      pairs.push_back({.lambda = draw_beta(mixing.mixup, draws)});
  }
  return pairs;
}

float own_share(const MixPair& pair, int h, int w) {
  const float crossed = float(pair.w) * float(pair.h) / (float(h) * float(w));
  return pair.lambda * (1 - crossed);
}

}  // namespace pc
