#include "data/background.h"

#include <algorithm>

#include "kernels/base/parallel.h"

namespace pc::data {
namespace {

constexpr int kWhite = 232;      // of the darkest channel; JPEG at this size rings by about 15 around an object
constexpr int kEdgeWhite = 190;  // an edge pixel as bright as this is half background
constexpr uint8_t kEdge = 128;

int darkest(const uint8_t* pixel) { return std::min({pixel[0], pixel[1], pixel[2]}); }

bool is_skin(const uint8_t* pixel) {
  const float r = pixel[0], g = pixel[1], b = pixel[2];
  const float cb = 128 - 0.168736f * r - 0.331264f * g + 0.5f * b, cr = 128 + 0.5f * r - 0.418688f * g - 0.081312f * b;
  return cb >= 77 && cb <= 127 && cr >= 133 && cr <= 173;
}

// Floods from the border: mask 0 for what was reached, 255 for the rest. Returns how many pixels were reached.
int flood(const uint8_t* pixels, int h, int w, uint8_t* mask) {
  std::fill_n(mask, int64_t(h) * w, uint8_t{255});
  std::vector<int> open;
  int reached = 0;
  const auto visit = [&](int i, int j) {
    if (i < 0 || j < 0 || i >= h || j >= w) return;
    const int at = i * w + j;
    if (mask[at] == 0 || darkest(pixels + int64_t(at) * 3) < kWhite) return;
    mask[at] = 0;
    ++reached;
    open.push_back(at);
  };
  for (int i = 0; i < h; ++i) visit(i, 0), visit(i, w - 1);
  for (int j = 0; j < w; ++j) visit(0, j), visit(h - 1, j);
  while (!open.empty()) {
    const int i = open.back() / w, j = open.back() % w;
    open.pop_back();
    visit(i - 1, j), visit(i + 1, j), visit(i, j - 1), visit(i, j + 1);
  }
  return reached;
}

bool touches_background(const uint8_t* mask, int h, int w, int i, int j) {
  return (i > 0 && mask[(i - 1) * w + j] == 0) || (i + 1 < h && mask[(i + 1) * w + j] == 0) ||
         (j > 0 && mask[i * w + j - 1] == 0) || (j + 1 < w && mask[i * w + j + 1] == 0);
}

}  // namespace

void mark_object(const uint8_t* pixels, int h, int w, uint8_t* mask) {
  const int reached = flood(pixels, h, w, mask);
  if (int64_t(reached) * 20 < int64_t(h) * w) {
    std::fill_n(mask, int64_t(h) * w, uint8_t{255});
    return;
  }
  for (int i = 0; i < h; ++i)
    for (int j = 0; j < w; ++j)
      if (mask[i * w + j] == 255 && darkest(pixels + (int64_t(i) * w + j) * 3) >= kEdgeWhite &&
          touches_background(mask, h, w, i, j))
        mask[i * w + j] = kEdge;
}

void unmark_skin(const uint8_t* pixels, int h, int w, uint8_t* mask) {
  const int64_t size = int64_t(h) * w;
  int64_t object = 0, skin = 0;
  for (int64_t i = 0; i < size; ++i)
    if (mask[i] > 0) ++object, skin += is_skin(pixels + i * 3);
  if (skin * 100 < object * 2 || skin * 100 > object * 35) return;
  for (int64_t i = 0; i < size; ++i)
    if (is_skin(pixels + i * 3)) mask[i] = 0;
}

std::vector<uint8_t> mark_objects(const ImageStore& store) {
  std::vector<uint8_t> mask(std::size_t(store.pixel_bytes() / 3));
  parallel_for(int64_t(store.size()), 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const StoredImage image = store.image(std::size_t(i));
      if (image.h == 0) continue;
      const uint8_t* pixels = store.pixels() + image.offset;
      uint8_t* own = mask.data() + image.offset / 3;
      mark_object(pixels, image.h, image.w, own);
      unmark_skin(pixels, image.h, image.w, own);
    }
  });
  return mask;
}

}  // namespace pc::data
