// Fills augment_cpu: a sample is one block; for each output row, first the source rows are averaged into one (vectors
// along the row), then its columns. Rotated and sheared crops and new backgrounds go pixel by pixel.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "kernels/augment/augment.h"
#include "kernels/augment/augment_point.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

// The source pixels of one output position: weight[offset + t] is of pixel first + t.
struct Taps {
  int first, count, offset;
};

// All positions along one axis; begin and end bound the source pixels that the crop contains.
struct Axis {
  int begin, end;
  std::vector<Taps> taps;
  std::vector<float> weight;
  bool identity = true;  // output j is source pixel begin + j
};

Axis make_axis(float start, float crop, int out, bool flip) {
  Axis axis;
  axis.begin = int(std::ceil(start - 0.5f));
  axis.end = std::max(axis.begin + 1, int(std::ceil(start + crop - 0.5f)));
  const double scale = double(crop) / out, support = std::max(1.0, scale);
  for (int j = 0; j < out; ++j) {
    const double center = double(start) + ((flip ? out - 1 - j : j) + 0.5) * scale;
    const auto weight = [&](int k) { return 1 - std::abs(k + 0.5 - center) / support; };
    int first = std::clamp(int(std::floor(center - support)), axis.begin, axis.end - 1);
    int last = std::clamp(int(std::ceil(center + support)), axis.begin, axis.end - 1);
    while (first < last && weight(first) <= 0) ++first;
    while (first < last && weight(last) <= 0) --last;
    double sum = 0;
    for (int k = first; k <= last; ++k) sum += weight(k);
    axis.taps.push_back({.first = first, .count = last - first + 1, .offset = int(axis.weight.size())});
    for (int k = first; k <= last; ++k) axis.weight.push_back(first == last ? 1.0f : float(weight(k) / sum));
    axis.identity = axis.identity && first == last && first == axis.begin + j;
  }
  return axis;
}

// One weighted source row, 3 floats a pixel, for the columns [x.begin, x.end); `fill` where the image ends.
void average_rows(const AugmentShape& shape, const AugmentSample& sample, const uint8_t* image, const Axis& y,
                  const Taps& taps, const Axis& x, float* row) {
  const float* weight = y.weight.data() + taps.offset;
  const int begin = std::clamp(-taps.first, 0, taps.count), end = std::clamp(sample.h - taps.first, begin, taps.count);
  const int left = std::clamp(0, x.begin, x.end), right = std::clamp(sample.w, left, x.end);
  for (int k = x.begin; k < x.end; ++k)
    if (k < left || k >= right || begin == end)
      for (int c = 0; c < 3; ++c) row[(k - x.begin) * 3 + c] = float(shape.fill[c]);
  if (left == right || begin == end) return;

  const int64_t stride = int64_t(sample.w) * 3;
  const uint8_t* source = image + (taps.first + begin) * stride + int64_t(left) * 3;
  float* inside = row + (left - x.begin) * 3;
  simd::for_lanes(0, int64_t(right - left) * 3, [&](int64_t i, auto lanes) {
    simd::f32x sum = {};
    for (int t = 0; t < end - begin; ++t)
      sum += simd::splat(weight[begin + t]) * simd::load(source + t * stride + i, lanes);
    simd::store(inside + i, sum, lanes);
  });
  float outside = 0;
  for (int t = 0; t < taps.count; ++t) outside += t < begin || t >= end ? weight[t] : 0;
  if (outside == 0) return;
  for (int i = 0; i < (right - left) * 3; ++i) inside[i] += outside * float(shape.fill[i % 3]);
}

// Columns averaged; a pixel is moved as 4 floats, the last of which the next pixel overwrites: both rows end in a spare
// float.
void average_columns(const Axis& x, const float* row, float* out) {
  for (std::size_t j = 0; j < x.taps.size(); ++j) {
    const Taps& taps = x.taps[j];
    const float *source = row + (taps.first - x.begin) * 3, *weight = x.weight.data() + taps.offset;
    __m128 sum = _mm_setzero_ps();
    for (int t = 0; t < taps.count; ++t) sum += _mm_set1_ps(weight[t]) * _mm_loadu_ps(source + t * 3);
    _mm_storeu_ps(out + j * 3, sum);
  }
}

// y = value * slope + shift along an output row.
struct Normalization {
  std::vector<float> slope, shift;
  explicit Normalization(const AugmentShape& shape) {
    for (int i = 0; i < shape.out_w * 3; ++i) {
      slope.push_back(1 / (255 * shape.std[i % 3]));
      shift.push_back(-shape.mean[i % 3] / shape.std[i % 3]);
    }
  }
};

// Both axes of a straight crop, worked out once.
class Straight {
 public:
  Straight(const AugmentShape& shape, const AugmentSample& sample, const uint8_t* image)
      : shape_(shape),
        sample_(sample),
        image_(image),
        rows_(make_axis(sample.crop_y, sample.crop_h, shape.out_h, false)),
        columns_(make_axis(sample.crop_x, sample.crop_w, shape.out_w, sample.flip != 0)),
        source_(std::size_t(columns_.end - columns_.begin) * 3 + 1) {}
  // `row` has a spare float at its end.
  void make_row(int i, float* row) {
    float* averaged = columns_.identity ? row : source_.data();
    average_rows(shape_, sample_, image_, rows_, rows_.taps[std::size_t(i)], columns_, averaged);
    if (!columns_.identity) average_columns(columns_, averaged, row);
  }

 private:
  const AugmentShape& shape_;
  const AugmentSample& sample_;
  const uint8_t* image_;
  Axis rows_, columns_;
  std::vector<float> source_;
};

bool keeps_colors(const AugmentSample& s) {
  const AugmentSample plain{};
  return std::memcmp(s.color, plain.color, sizeof s.color) == 0;
}

// Not inlined: next to it the compiler would contract recolor's sums in another order, which rounds otherwise.
[[gnu::noinline]] void retone_row(const AugmentShape& shape, const AugmentSample& s, float* row) {
  for (int j = 0; j < shape.out_w; ++j) augment_point::retone(s, row + j * 3);
}

// From values 0..255 to the network's input.
template <class T>
void finish_row(const AugmentShape& shape, const AugmentSample& s, const Normalization& normal, int i, float* row,
                T* y) {
  if (!keeps_colors(s))
    for (int j = 0; j < shape.out_w; ++j) augment_point::recolor(s.color, row + j * 3);
  if (!augment_point::keeps_tones(s)) retone_row(shape, s, row);
  simd::for_lanes(0, int64_t(shape.out_w) * 3, [&](int64_t j, auto lanes) {
    const simd::f32x slope = simd::load(normal.slope.data() + j, lanes),
                     shift = simd::load(normal.shift.data() + j, lanes);
    simd::store(y + j, simd::load(row + j, lanes) * slope + shift, lanes);
  });
  for (int j = 0; j < shape.out_w; ++j)
    if (augment_point::erased(s, i, j)) std::fill_n(y + j * 3, 3, T{});
}

// The packed pixels of a row moved apart, the last one first.
template <class T>
void broadcast_row(int pixels, int channels, T* y) {
  for (int j = pixels - 1; channels > 3 && j >= 0; --j) {
    T* const to = y + j * channels;
    std::memmove(to, y + j * 3, 3 * sizeof(T));
    std::fill_n(to + 3, channels - 3, T{});
  }
}

template <class T>
void augment_sample(const AugmentShape& shape, const AugmentSource& source, const AugmentSample& s,
                    const Normalization& normal, T* y) {
  const bool by_pixel = augment_point::turned(s) || s.background >= 0;
  std::optional<Straight> straight;
  if (!by_pixel) straight.emplace(shape, s, source.pixels + s.offset);
  std::vector<float> row(std::size_t(shape.out_w) * 3 + 1);
  for (int i = 0; i < shape.out_h; ++i) {
    if (straight)
      straight->make_row(i, row.data());
    else
      for (int j = 0; j < shape.out_w; ++j) augment_point::value_of(shape, source, s, i, j, row.data() + j * 3);
    T* const to = y + int64_t(i) * shape.out_w * shape.channels;
    finish_row(shape, s, normal, i, row.data(), to);
    broadcast_row(shape.out_w, shape.channels, to);
  }
}

void check(const AugmentSource& source, const AugmentSample& s, int64_t index) {
  constexpr float kFar = 1 << 20;  // pixels; beyond it an int or the memory of a row would overflow
  const bool near = std::abs(s.crop_x) < kFar && std::abs(s.crop_y) < kFar && s.crop_w < kFar && s.crop_h < kFar;
  if (s.h < 1 || s.w < 1 || !near || !(s.crop_w > 0) || !(s.crop_h > 0))
    fail_shape("augment: sample " + std::to_string(index) + " has a crop of " + std::to_string(s.crop_w) + "x" +
               std::to_string(s.crop_h) + " of a picture of " + std::to_string(s.w) + "x" + std::to_string(s.h));
  const std::string name = "augment: sample " + std::to_string(index);
  for (const auto& row : s.turn)
    for (const float entry : row)
      if (!(std::abs(entry) <= 4)) fail_shape(name + " is turned by a matrix with " + std::to_string(entry));
  if (s.bits < 1 || s.bits > 8 || s.invert_from < 0 || s.invert_from > 256)
    fail_shape(name + " keeps " + std::to_string(s.bits) + " bits and inverts tones from " +
               std::to_string(s.invert_from));
  if (s.background >= 0 && (!source.mask || !source.backgrounds || s.background_x < 0 || s.background_y < 0))
    fail_shape(name + " wants a background, but there is no mask, none to choose from, or its shift is negative");
}

template <class T>
void augment_all(const AugmentShape& shape, const AugmentSource& source, const AugmentSample* samples, T* y) {
  const Normalization normal(shape);
  parallel_for(shape.n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      check(source, samples[n], n);
      augment_sample(shape, source, samples[n], normal, y + n * shape.out_h * shape.out_w * shape.channels);
    }
  });
}

void forward(const AugmentShape& shape, DType dtype, const AugmentSource& source, const AugmentSample* samples,
             void* y) {
  if (dtype == DType::f32) return augment_all(shape, source, samples, static_cast<float*>(y));
  if (dtype == DType::bf16) return augment_all(shape, source, samples, static_cast<bf16*>(y));
  fail_shape(std::string("augment: y is ") + name_of(dtype) + ", the CPU makes f32 or bf16");
}

}  // namespace

const AugmentKernels augment_cpu{.forward = forward};

}  // namespace pc
