// Surfaces out of value noise (K. Perlin, "An image synthesizer", SIGGRAPH 1985): random values on a lattice, smoothly
// joined, at several sizes and stretches.
#include "data/surface.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "kernels/base/random.h"

namespace pc {
namespace {

using Color = std::array<float, 3>;  // 0 … 1

// Numbers of one surface, in order.
class Dice {
 public:
  Dice(uint64_t seed, uint64_t number) : seed_(seed), number_(number) {}
  float between(float low, float high) { return low + (high - low) * uniform(word()); }
  int below(int n) { return std::min(n - 1, int(uniform(word()) * float(n))); }

 private:
  uint32_t word() {
    const uint64_t at = used_++;
    return philox(seed_, number_, at / 4).word[at % 4];
  }
  uint64_t seed_, number_, used_ = 0;
};

// Smooth noise in 0 … 1 with features of one unit.
class Noise {
 public:
  explicit Noise(Dice& dice) : key_(uint64_t(dice.between(0, 1 << 24))) {}
  float at(float x, float y) const {
    const float left = std::floor(x), top = std::floor(y), u = smooth(x - left), v = smooth(y - top);
    const auto corner = [&](float i, float j) {
      return uniform(philox(key_, uint64_t(int64_t(top + i)), uint64_t(int64_t(left + j))).word[0]);
    };
    const float upper = corner(0, 0) + u * (corner(0, 1) - corner(0, 0)),
                lower = corner(1, 0) + u * (corner(1, 1) - corner(1, 0));
    return upper + v * (lower - upper);
  }

 private:
  static float smooth(float t) { return t * t * (3 - 2 * t); }
  uint64_t key_;
};

Color mixed(const Color& a, const Color& b, float t) {
  Color c;
  for (std::size_t i = 0; i < 3; ++i) c[i] = a[i] + t * (b[i] - a[i]);
  return c;
}

Color scaled(Color c, float by) {
  for (float& v : c) v *= by;
  return c;
}

Color from_hue(float hue, float saturation, float value) {
  Color c;
  for (std::size_t i = 0; i < 3; ++i) {
    const float k = std::fmod(5.0f - 2 * float(i) + hue * 6, 6.0f);
    c[i] = value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0f, 1.0f));
  }
  return c;
}

// Homes are mostly brown, beige and gray; the rest has any color.
Color home_color(Dice& dice) {
  const int kind = dice.below(4);
  if (kind == 0) return from_hue(dice.between(0.04f, 0.11f), dice.between(0.2f, 0.7f), dice.between(0.25f, 0.85f));
  if (kind == 1) return from_hue(dice.between(0, 1), dice.between(0, 0.15f), dice.between(0.2f, 0.95f));
  if (kind == 2) return from_hue(dice.between(0.08f, 0.15f), dice.between(0.05f, 0.35f), dice.between(0.6f, 0.95f));
  return from_hue(dice.between(0, 1), dice.between(0.4f, 0.95f), dice.between(0.25f, 0.9f));
}

// A surface is a color for each point (x, y), in pixels of an image 80 high.
class Surface {
 public:
  explicit Surface(Dice& dice)
      : kind_(dice.below(5)),
        base_(home_color(dice)),
        other_(kind_ == 3 ? home_color(dice) : scaled(base_, dice.between(0.5f, 0.9f))),
        third_(home_color(dice)),
        unit_(dice.between(kind_ == 4 ? 14 : 3, kind_ == 4 ? 50 : 16)),
        contrast_(dice.between(0.2f, 1)),
        coarse_(dice),
        fine_(dice) {
    const float angle = dice.below(2) ? dice.between(-0.2f, 0.2f) : dice.between(0, std::numbers::pi_v<float>);
    cosine_ = std::cos(angle), sine_ = std::sin(angle);
  }

  Color at(float x, float y) const {
    const float u = (cosine_ * x + sine_ * y), v = (cosine_ * y - sine_ * x);
    switch (kind_) {
      case 0:
        return mixed(base_, other_, contrast_ * wood(u, v));
      case 1:
        return mixed(base_, other_, contrast_ * cloth(u, v));
      case 2:
        return mixed(base_, other_, 0.3f * coarse_.at(u / 40, v / 40) + 0.1f * fine_.at(u, v));  // a wall
      case 3:
        return carpet(u, v);
      default:
        return tiles(u, v);
    }
  }

 private:
  // Boards along u, each of its own shade, with a grain that runs along them.
  float wood(float u, float v) const {
    const float board = std::floor(v / unit_), gap = std::abs(v / unit_ - board - 0.5f) > 0.46f ? 0.6f : 0.0f;
    return gap + 0.5f * coarse_.at(board * 7.3f, std::floor(u / 60 + 5 * coarse_.at(board, 3))) +
           0.5f * fine_.at(u / 14, v * 0.9f);
  }
  // Folds and a weave.
  float cloth(float u, float v) const {
    const float fold = coarse_.at(u / (2 * unit_), v / (5 * unit_));
    return fold + 0.4f * (fine_.at(u * 0.8f, v * 0.8f) - 0.5f);
  }
  // Patches of two or three colors.
  Color carpet(float u, float v) const {
    const float patch = coarse_.at(u / unit_, v / unit_), detail = fine_.at(2.5f * u / unit_, 2.5f * v / unit_);
    const Color ground = patch > 0.55f ? other_ : base_;
    return mixed(ground, third_, detail > 0.65f ? contrast_ : 0.0f);
  }
  Color tiles(float u, float v) const {
    const float i = std::floor(u / unit_), j = std::floor(v / unit_);
    const bool joint = u / unit_ - i < 1.2f / unit_ || v / unit_ - j < 1.2f / unit_;
    return scaled(joint ? other_ : base_, 1 - 0.25f * coarse_.at(i * 3.7f, j * 3.7f) - 0.1f * fine_.at(u / 3, v / 3));
  }

  int kind_;
  Color base_, other_, third_;
  float unit_, contrast_, cosine_ = 1, sine_ = 0;
  Noise coarse_, fine_;
};

}  // namespace

Image make_surface(int h, int w, uint64_t seed, uint64_t number) {
  Dice dice(seed, number);
  const Surface surface(dice);
  const float unit = 80.0f / float(h), grain = dice.between(0, 0.06f);
  const float light_x = dice.between(-0.25f, 0.25f), light_y = dice.between(-0.25f, 0.25f),
              brightness = dice.between(0.75f, 1.1f);
  Image image{.h = h, .w = w, .pixels = std::vector<uint8_t>(std::size_t(h) * std::size_t(w) * 3)};
  for (int i = 0; i < h; ++i)
    for (int j = 0; j < w; ++j) {
      const float across = 2 * float(j) / float(w) - 1, down = 2 * float(i) / float(h) - 1;
      const float light = brightness + light_x * across + light_y * down + grain * (dice.between(-1, 1));
      const Color color = surface.at(float(j) * unit, float(i) * unit);
      for (std::size_t c = 0; c < 3; ++c)
        image.pixels[(std::size_t(i) * std::size_t(w) + std::size_t(j)) * 3 + c] =
            uint8_t(std::clamp(255 * light * color[c], 0.0f, 255.0f));
    }
  return image;
}

}  // namespace pc
