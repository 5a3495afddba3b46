// Fills augment_cpu: a sample is one block; for each output row, first the source rows are averaged into one (vectors
// along the row), then its columns.
#include <cmath>
#include <vector>

#include "kernels/augment/augment.h"
#include "kernels/runtime/error.h"
#include "kernels/runtime/parallel.h"
#include "kernels/runtime/simd_cpu.h"

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
    const double centre = double(start) + ((flip ? out - 1 - j : j) + 0.5) * scale;
    const auto weight = [&](int k) { return 1 - std::abs(k + 0.5 - centre) / support; };
    int first = std::clamp(int(std::floor(centre - support)), axis.begin, axis.end - 1);
    int last = std::clamp(int(std::ceil(centre + support)), axis.begin, axis.end - 1);
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

// One weighted source row, 3 floats a pixel, for the columns [x.begin, x.end); `fill` where the picture ends.
void average_rows(const AugmentShape& shape, const AugmentSample& sample, const uint8_t* picture, const Axis& y,
                  const Taps& taps, const Axis& x, float* row) {
  const float* weight = y.weight.data() + taps.offset;
  const int begin = std::clamp(-taps.first, 0, taps.count), end = std::clamp(sample.h - taps.first, begin, taps.count);
  const int left = std::clamp(0, x.begin, x.end), right = std::clamp(sample.w, left, x.end);
  for (int k = x.begin; k < x.end; ++k)
    if (k < left || k >= right || begin == end)
      for (int c = 0; c < 3; ++c) row[(k - x.begin) * 3 + c] = float(shape.fill[c]);
  if (left == right || begin == end) return;

  const int64_t stride = int64_t(sample.w) * 3;
  const uint8_t* source = picture + (taps.first + begin) * stride + int64_t(left) * 3;
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
struct Normalisation {
  std::vector<float> slope, shift;
  explicit Normalisation(const AugmentShape& shape) {
    for (int i = 0; i < shape.out_w * 3; ++i) {
      slope.push_back(1 / (255 * shape.std[i % 3]));
      shift.push_back(-shape.mean[i % 3] / shape.std[i % 3]);
    }
  }
};

template <class T>
void resample(const AugmentShape& shape, const AugmentSample& sample, const uint8_t* picture,
              const Normalisation& normal, T* y) {
  const Axis rows = make_axis(sample.crop_y, sample.crop_h, shape.out_h, false);
  const Axis columns = make_axis(sample.crop_x, sample.crop_w, shape.out_w, sample.flip != 0);
  const int64_t width = int64_t(shape.out_w) * 3;
  std::vector<float> source(std::size_t(columns.end - columns.begin) * 3 + 1), resized(std::size_t(width) + 1);
  const float* row = columns.identity ? source.data() : resized.data();
  for (std::size_t i = 0; i < rows.taps.size(); ++i) {
    average_rows(shape, sample, picture, rows, rows.taps[i], columns, source.data());
    if (!columns.identity) average_columns(columns, source.data(), resized.data());
    simd::for_lanes(0, width, [&](int64_t j, auto lanes) {
      const simd::f32x slope = simd::load(normal.slope.data() + j, lanes),
                       shift = simd::load(normal.shift.data() + j, lanes);
      simd::store(y + int64_t(i) * width + j, simd::load(row + j, lanes) * slope + shift, lanes);
    });
  }
}

void check(const AugmentSample& s, int64_t index) {
  constexpr float kFar = 1 << 20;  // pixels; beyond it an int or the memory of a row would overflow
  const bool near = std::abs(s.crop_x) < kFar && std::abs(s.crop_y) < kFar && s.crop_w < kFar && s.crop_h < kFar;
  if (s.h < 1 || s.w < 1 || !near || !(s.crop_w > 0) || !(s.crop_h > 0))
    fail_shape("augment: sample " + std::to_string(index) + " has a crop of " + std::to_string(s.crop_w) + "x" +
               std::to_string(s.crop_h) + " of a picture of " + std::to_string(s.w) + "x" + std::to_string(s.h));
}

template <class T>
void resample_all(const AugmentShape& shape, const uint8_t* pixels, const AugmentSample* samples, T* y) {
  const Normalisation normal(shape);
  parallel_for(shape.n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      check(samples[n], n);
      resample(shape, samples[n], pixels + samples[n].offset, normal, y + n * shape.out_h * shape.out_w * 3);
    }
  });
}

void forward(const AugmentShape& shape, DType dtype, const uint8_t* pixels, const AugmentSample* samples, void* y) {
  if (dtype == DType::f32) return resample_all(shape, pixels, samples, static_cast<float*>(y));
  if (dtype == DType::bf16) return resample_all(shape, pixels, samples, static_cast<bf16*>(y));
  fail_shape(std::string("augment: y is ") + name_of(dtype) + ", the CPU makes f32 or bf16");
}

}  // namespace

const AugmentKernels augment_cpu{.forward = forward};

}  // namespace pc
