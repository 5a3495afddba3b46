#include "tools/dataset/drawing.h"

#include <algorithm>

#include "kernels/base/random.h"

namespace pc::dataset {
namespace {

// Coordinates of the drawing: x and y in [-1, 1], y downward. Arithmetic only, no library functions that differ between
// machines.
struct Point {
  float x, y;
};

bool ellipse(Point p, float x, float y, float rx, float ry) {
  const float dx = (p.x - x) / rx, dy = (p.y - y) / ry;
  return dx * dx + dy * dy < 1;
}
bool ring(Point p, float x, float y, float r, float thick) {
  return ellipse(p, x, y, r, r) && !ellipse(p, x, y, r - thick, r - thick);
}
bool box(Point p, float left, float top, float right, float bottom) {
  return p.x > left && p.x < right && p.y > top && p.y < bottom;
}
// Between two horizontal edges, `top` and `bottom` half wide.
bool trapezium(Point p, float y0, float half0, float y1, float half1) {
  if (p.y < y0 || p.y > y1) return false;
  const float half = half0 + (half1 - half0) * (p.y - y0) / (y1 - y0);
  return p.x > -half && p.x < half;
}
Point mirrored(Point p) { return {p.x < 0 ? -p.x : p.x, p.y}; }

// `form` in [0, 1] varies the proportions within a class.
bool tshirt(Point p, float form) {
  const Point m = mirrored(p);
  const bool sleeve = m.x > 0.35f && m.x < 0.85f && m.y > -0.75f + 0.5f * (m.x - 0.35f) &&
                      m.y < -0.3f + 0.15f * form + 0.3f * (m.x - 0.35f);
  return (box(p, -0.48f, -0.75f, 0.48f, 0.75f) || sleeve) && !ellipse(p, 0, -0.78f, 0.2f, 0.16f + 0.1f * form);
}
bool dress(Point p, float form) {
  return (trapezium(p, -0.9f, 0.32f, -0.25f, 0.22f) || trapezium(p, -0.25f, 0.22f, 0.9f, 0.45f + 0.35f * form)) &&
         !ellipse(p, 0, -0.95f, 0.2f, 0.25f);
}
bool jeans(Point p, float form) {
  const Point m = mirrored(p);
  const float inner = p.y < -0.35f ? 0 : 0.04f + 0.12f * (p.y + 0.35f);
  return p.y > -0.9f && p.y < 0.92f && m.x > inner && m.x < 0.42f + (0.02f + 0.12f * form) * (p.y + 0.9f);
}
bool handbag(Point p, float form) {
  return trapezium(p, -0.2f, 0.55f, 0.75f, 0.65f + 0.15f * form) || ring(p, 0, -0.22f, 0.42f, 0.09f);
}
bool watch(Point p, float form) {
  const bool strap = box(p, -0.17f, -0.95f, 0.17f, 0.95f) && !ellipse(p, 0, 0, 0.3f, 0.3f);
  return strap || ring(p, 0, 0, 0.42f, 0.1f + 0.05f * form) || box(p, -0.03f, -0.25f, 0.03f, 0.03f) ||
         box(p, 0, -0.03f, 0.2f, 0.03f);
}
bool shoe(Point p, float form) {
  const bool upper =
      p.y < 0.3f && p.y > -0.35f && p.x > -0.9f && p.x < 0.92f && p.y > -0.4f + (0.35f + 0.1f * form) * (p.x + 0.5f);
  return (upper && ellipse(p, 0, 0.2f, 0.95f, 0.6f)) || box(p, -0.9f, 0.32f, 0.93f, 0.45f);
}
bool cap(Point p, float form) {
  return (ellipse(p, -0.15f, 0.15f, 0.62f, 0.6f) && p.y < 0.15f) ||
         (ellipse(p, 0.4f, 0.17f, 0.55f, 0.1f + 0.05f * form) && p.y > 0.1f);
}
bool sunglasses(Point p, float form) {
  const Point m = mirrored(p);
  return ellipse(m, 0.45f, 0, 0.36f, 0.24f + 0.08f * form) || box(p, -0.15f, -0.12f, 0.15f, -0.04f) ||
         box(m, 0.75f, -0.14f, 0.95f, -0.06f);
}

struct Shape {
  Product product;
  bool (*covers)(Point, float form);
};
constexpr Shape kShapes[] = {
    {{"Tshirts", "Topwear", "Apparel", "T-shirt", "Casual"}, tshirt},
    {{"Dresses", "Dress", "Apparel", "Dress", "Party"}, dress},
    {{"Jeans", "Bottomwear", "Apparel", "Jeans", "Casual"}, jeans},
    {{"Handbags", "Bags", "Accessories", "Handbag", "Casual"}, handbag},
    {{"Watches", "Watches", "Accessories", "Watch", "Formal"}, watch},
    {{"Casual Shoes", "Shoes", "Footwear", "Shoes", "Sports"}, shoe},
    {{"Caps", "Headwear", "Accessories", "Cap", "Sports"}, cap},
    {{"Sunglasses", "Eyewear", "Accessories", "Sunglasses", "Casual"}, sunglasses},
};

}  // namespace

const std::vector<Product>& products() {
  static const std::vector<Product> all = [] {
    std::vector<Product> list;
    for (const Shape& shape : kShapes) list.push_back(shape.product);
    return list;
  }();
  return all;
}

const std::vector<Paint>& paints() {
  static const std::vector<Paint> all = {{"Black", 35, 35, 38},  {"Blue", 40, 80, 190},   {"Brown", 120, 72, 40},
                                         {"Green", 40, 140, 60}, {"Pink", 235, 130, 170}, {"Purple", 115, 50, 150},
                                         {"Red", 200, 35, 40},   {"Yellow", 235, 200, 50}};
  return all;
}

data::Image draw_product(std::size_t product, std::size_t paint, int h, int w, uint64_t seed, uint64_t number) {
  constexpr int kSamples = 3;  // per pixel and direction
  const Philox place = philox(seed, number, 0), look = philox(seed, number, 1);
  const float zoom = 1.05f + 0.25f * uniform(place.word[0]), lean = 0.2f * (uniform(place.word[1]) - 0.5f);
  const Point shift{0.16f * (uniform(place.word[2]) - 0.5f), 0.16f * (uniform(place.word[3]) - 0.5f)};
  const float form = uniform(look.word[0]), light = 0.5f * (uniform(look.word[1]) - 0.5f),
              tint = 0.85f + 0.3f * uniform(look.word[2]);
  const Paint& color = paints()[paint];
  const float base[] = {float(color.r), float(color.g), float(color.b)};
  const float half = 0.5f * float(std::min(h, w));
  data::Image image{.h = h, .w = w, .pixels = {}};
  image.pixels.reserve(std::size_t(h) * std::size_t(w) * 3);
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      int covered = 0;
      Point p{};
      for (int s = 0; s < kSamples * kSamples; ++s) {
        const float sx = (float(x) + (float(s % kSamples) + 0.5f) / kSamples - 0.5f * float(w)) / half;
        const float sy = (float(y) + (float(s / kSamples) + 0.5f) / kSamples - 0.5f * float(h)) / half;
        p = {zoom * sx + lean * sy + shift.x, zoom * sy - lean * sx + shift.y};
        covered += kShapes[product].covers(p, form);
      }
      const float cover = float(covered) / (kSamples * kSamples), shade = tint * (1 + light * p.x - 0.15f * p.y);
      const float noise =
          6 * (uniform(philox(seed, number, 2 + uint64_t(y) * uint64_t(w) + uint64_t(x)).word[0]) - 0.5f);
      for (const float channel : base) {
        const float value = cover * std::clamp(channel * shade, 0.0f, 255.0f) + (1 - cover) * 252 + noise;
        image.pixels.push_back(uint8_t(std::clamp(value, 0.0f, 255.0f)));
      }
    }
  return image;
}

}  // namespace pc::dataset
