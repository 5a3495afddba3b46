#include "data/near_duplicates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>
#include <numbers>
#include <numeric>
#include <utility>

#include "kernels/base/error.h"
#include "kernels/base/parallel.h"

namespace pc {
namespace {

constexpr int kSide = Signature::kSide, kFrequencies = 8;

// cos(pi (i + 1/2) f / n) for f = 1 … 8, n values each.
const std::vector<float>& cosines(int n) {
  thread_local std::map<int, std::vector<float>> known;  // few sizes: images of a set tend to be alike
  if (known.size() > 64) known.clear();
  std::vector<float>& table = known[n];
  if (!table.empty()) return table;
  for (int f = 1; f <= kFrequencies; ++f)
    for (int i = 0; i < n; ++i) table.push_back(float(std::cos(std::numbers::pi * (i + 0.5) * f / n)));
  return table;
}

// Beyond 1024 pixels a side is read at every k-th pixel: eight frequencies need no more.
int stride(int n) { return 1 + (n - 1) / 1024; }

uint64_t hash_of(const uint8_t* pixels, int h, int w) {
  const int dy = stride(h), dx = stride(w), rows = (h - 1) / dy + 1, width = (w - 1) / dx + 1;
  const std::vector<float>&down = cosines(rows), &across = cosines(width);
  std::array<std::vector<float>, kFrequencies> columns;  // the transform along y of every column
  for (auto& c : columns) c.assign(std::size_t(width), 0);
  std::vector<float> gray(std::size_t(width), 0);
  for (int y = 0; y < rows; ++y) {
    const uint8_t* p = pixels + std::size_t(y * dy) * std::size_t(w) * 3;
    for (int x = 0; x < width; ++x, p += 3 * dx)
      gray[std::size_t(x)] = 0.299f * float(p[0]) + 0.587f * float(p[1]) + 0.114f * float(p[2]);
    for (int f = 0; f < kFrequencies; ++f) {
      const float weight = down[std::size_t(f * rows + y)];
      float* column = columns[std::size_t(f)].data();
      for (int x = 0; x < width; ++x) column[x] += weight * gray[std::size_t(x)];
    }
  }
  std::array<float, kFrequencies * kFrequencies> values{};
  for (int v = 0; v < kFrequencies; ++v)
    for (int u = 0; u < kFrequencies; ++u)
      values[std::size_t(v * kFrequencies + u)] = std::inner_product(
          columns[std::size_t(v)].begin(), columns[std::size_t(v)].end(), across.begin() + u * width, 0.0f);
  auto sorted = values;
  std::nth_element(sorted.begin(), sorted.begin() + sorted.size() / 2, sorted.end());
  const float median = sorted[sorted.size() / 2];
  uint64_t hash = 0;
  for (std::size_t i = 0; i < values.size(); ++i) hash |= uint64_t(values[i] > median) << i;
  return hash;
}

// The pixels of n below one of kSide cells, and how much of each: in units of 1/kSide pixel, so that all is exact. A
// cell is n units long.
struct Cell {
  int begin, end;
  int from, to;
  Cell(int number, int n)
      : begin(number * n / kSide), end(((number + 1) * n + kSide - 1) / kSide), from(number * n), to(from + n) {}
  uint64_t share(int i) const { return uint64_t(std::min((i + 1) * kSide, to) - std::max(i * kSide, from)); }
};

void resize_to_thumb(const uint8_t* pixels, int h, int w, uint8_t* thumb) {
  for (int i = 0; i < kSide; ++i)
    for (int j = 0; j < kSide; ++j) {
      const Cell down(i, h), across(j, w);
      uint64_t sum[3] = {};
      for (int y = down.begin; y < down.end; ++y) {
        const uint8_t* p = pixels + (std::size_t(y) * std::size_t(w) + std::size_t(across.begin)) * 3;
        for (int x = across.begin; x < across.end; ++x)
          for (uint64_t& s : sum) s += down.share(y) * across.share(x) * *p++;
      }
      const uint64_t whole = uint64_t(h) * uint64_t(w);
      for (const uint64_t s : sum) *thumb++ = uint8_t((s + whole / 2) / whole);
    }
}

// Joins equal signatures and returns one image of each kind: a thousand copies of a placeholder are one candidate,
// not a million pairs.
std::vector<uint32_t> distinct(const std::vector<Signature>& signatures, Grouping& groups) {
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < signatures.size(); ++i)
    if (signatures[i].valid) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const Signature &x = signatures[a], &y = signatures[b];
    return x.hash != y.hash ? x.hash < y.hash : x.thumb < y.thumb;
  });
  std::vector<uint32_t> kept;
  for (const uint32_t i : order) {
    const bool again = !kept.empty() && signatures[kept.back()].hash == signatures[i].hash &&
                       signatures[kept.back()].thumb == signatures[i].thumb;
    again ? groups.join(kept.back(), i) : kept.push_back(i);
  }
  return kept;
}

// Joins the near pairs among `images`, all of which have the same bits in one piece of the hash.
void join_near(const std::vector<Signature>& signatures, const uint32_t* images, std::size_t n,
               const NearDuplicateSettings& settings, Grouping& groups, std::mutex& mutex) {
  std::vector<std::pair<uint32_t, uint32_t>> near;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) {
      const Signature &a = signatures[images[i]], &b = signatures[images[j]];
      if (std::popcount(a.hash ^ b.hash) <= settings.max_bits && difference_of(a, b) <= settings.max_difference)
        near.emplace_back(images[i], images[j]);
    }
  if (near.empty()) return;
  const std::lock_guard lock(mutex);
  for (const auto& [a, b] : near) groups.join(a, b);
}

}  // namespace

Signature signature_of(const uint8_t* pixels, int h, int w) {
  Signature s;
  if (h < 1 || w < 1) return s;
  s.hash = hash_of(pixels, h, w);
  resize_to_thumb(pixels, h, w, s.thumb.data());
  s.valid = true;
  return s;
}

std::vector<Signature> signatures_of(const ImageStore& store, const PackProgress& progress) {
  std::vector<Signature> signatures(store.size());
  constexpr std::size_t kStep = 2048;  // images between two reports of progress
  for (std::size_t first = 0; first < store.size(); first += kStep) {
    if (progress) progress(int64_t(first), int64_t(store.size()));
    parallel_for(int64_t(std::min(kStep, store.size() - first)), 64, [&](int64_t begin, int64_t end) {
      for (auto i = first + std::size_t(begin); i < first + std::size_t(end); ++i) {
        const StoredImage at = store.image(i);
        signatures[i] = signature_of(store.pixels() + at.offset, at.h, at.w);
      }
    });
  }
  return signatures;
}

double difference_of(const Signature& a, const Signature& b) {
  int64_t sum_a = 0, sum_b = 0, squares = 0, apart = 0;
  for (std::size_t i = 0; i < a.thumb.size(); ++i) {
    const int x = a.thumb[i], y = b.thumb[i];
    sum_a += x, sum_b += y;
    squares += x * x + y * y;
    apart += (x - y) * (x - y);
  }
  // With n times the sum of both variances = squares - (sum_a^2 + sum_b^2) / n, the denominator is squares - 2 sum_a
  // sum_b / n.
  const double n = double(a.thumb.size()), spread = double(squares) - 2 * double(sum_a) * double(sum_b) / n;
  return apart == 0 ? 0 : double(apart) / spread;
}

ItemGroups near_duplicate_groups(const std::vector<Signature>& signatures, const NearDuplicateSettings& settings) {
  if (settings.max_bits < 0 || settings.max_bits > 15) fail_shape("near_duplicate_groups: max_bits must be 0 … 15");
  Grouping groups(signatures.size());
  std::vector<uint32_t> order = distinct(signatures, groups);
  const int pieces = settings.max_bits + 1;
  std::mutex mutex;
  for (int piece = 0; piece < pieces; ++piece) {
    const int low = piece * 64 / pieces, high = (piece + 1) * 64 / pieces;
    const auto bits = [&](uint32_t i) { return signatures[i].hash << (64 - high) >> (64 - high + low); };
    std::sort(order.begin(), order.end(),
              [&](uint32_t a, uint32_t b) { return std::pair(bits(a), a) < std::pair(bits(b), b); });
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < order.size(); ++i)
      if (i == 0 || bits(order[i]) != bits(order[i - 1])) begins.push_back(i);
    begins.push_back(order.size());
    parallel_for(int64_t(begins.size()) - 1, 16, [&](int64_t begin, int64_t end) {
      for (auto b = std::size_t(begin); b < std::size_t(end); ++b)
        join_near(signatures, &order[begins[b]], begins[b + 1] - begins[b], settings, groups, mutex);
    });
  }
  return groups.large();
}

}  // namespace pc
