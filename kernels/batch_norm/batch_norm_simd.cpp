// Fills batch_norm_cpu: a pass that sums over the rows, then a pass that applies; vectors run over the channels.
//
// Bound by memory. Training reads x twice and writes y once; backward reads dy and x twice and writes dx once. Sums
// over a block of rows stay in registers; the blocks are added in order in f64. The batch's moments are f64 sums of x
// and x^2: with f32 data the cancellation in E[x^2] - E[x]^2 stays below the data's own rounding.
#include <cmath>

#include "kernels/activation/activation_simd.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/batch_norm/batch_norm_tiles.h"
#include "kernels/runtime/memory.h"

namespace pc {
namespace {

using simd::f32x;
using simd::f64x;
using simd::kLanes;

constexpr int kTile = batch_norm_vectors(kLanes);

void check(const BatchNormShape& shape) {
  if (shape.rows < 1 || shape.c < 1)
    fail_shape("batch_norm: x is [" + std::to_string(shape.rows) + ", " + std::to_string(shape.c) +
               "], expected at least one element");
}

// tile(c, vectors, lanes) over the channels: kTile vectors at a time where they fit, then one, then the tail.
template <class F>
[[gnu::always_inline]] inline void for_tiles(int channels, F&& tile) {
  int c = 0;
  for (; c + kTile * kLanes <= channels; c += kTile * kLanes)
    tile(c, std::integral_constant<int, kTile>{}, simd::Full{});
  simd::for_lanes(c, channels, [&](int64_t at, auto lanes) { tile(int(at), std::integral_constant<int, 1>{}, lanes); });
}

// 16 (8) bits of a row's mask from channel c on, a multiple of 8; the tail's bits past the row are 0.
template <class Lanes>
[[gnu::always_inline]] inline uint32_t load_bits(const uint8_t* row, int c, Lanes lanes) {
  const uint8_t* p = row + c / 8;
  return lanes > 8 ? uint32_t(p[0]) | uint32_t(p[1]) << 8 : uint32_t(p[0]);
}

template <class Lanes>
[[gnu::always_inline]] inline void store_bits(uint8_t* row, int c, uint32_t bits, Lanes lanes) {
  uint8_t* p = row + c / 8;
  p[0] = uint8_t(bits);
  if (lanes > 8) p[1] = uint8_t(bits >> 8);
}

// sums[0..c) += sum of x, sums[c..2c) += sum of x^2 over one block of rows.
template <class T>
void sum_moments(int channels, const T* x, int64_t begin, int64_t end, double* sums) {
  for_tiles(channels, [&](int c, auto vectors, auto lanes) {
    f64x sum[vectors][2] = {}, square[vectors][2] = {};
    for (int64_t row = begin; row < end; ++row)
      for (int v = 0; v < vectors; ++v) {
        const f32x value = simd::load(x + row * channels + c + v * kLanes, lanes);
        const f64x low = simd::low_half(value), high = simd::high_half(value);
        sum[v][0] += low, sum[v][1] += high;
        square[v][0] += low * low, square[v][1] += high * high;
      }
    const int count = vectors * lanes;
    std::memcpy(sums + c, sum, std::size_t(count) * sizeof(double));
    std::memcpy(sums + channels + c, square, std::size_t(count) * sizeof(double));
  });
}

// Runs block(begin, end, sums) for every block of rows and returns the 2c sums over all blocks, added in order.
template <class F>
Buffer sum_blocks(const BatchNormShape& shape, F&& block) {
  const int64_t grain = batch_norm_block_rows(shape), blocks = (shape.rows + grain - 1) / grain;
  Buffer partial(Device::cpu, std::size_t(blocks * 2 * shape.c) * sizeof(double));
  double* sums = partial.as<double>();
  parallel_for(shape.rows, grain,
               [&](int64_t begin, int64_t end) { block(begin, end, sums + begin / grain * 2 * shape.c); });
  for (int64_t i = 1; i < blocks; ++i)
    for (int c = 0; c < 2 * shape.c; ++c) sums[c] += sums[i * 2 * shape.c + c];
  return partial;
}

// y = f((x - mean) * scale + beta + residual?) and the mask, for the rows [begin, end). Everything comes by value:
// the compiler must take a vector store for one that may change whatever lies in memory, and would read every pointer
// again after it.
template <class T, Activation A>
void apply_rows(const BatchNormForward a, const float* mean, const float* scale, int channels, int64_t begin,
                int64_t end) {
  const T *x = static_cast<const T*>(a.x), *residual = static_cast<const T*>(a.residual);
  T* y = static_cast<T*>(a.y);
  for (int64_t row = begin; row < end; ++row) {
    uint8_t* mask = a.mask ? a.mask + row * ((channels + 7) / 8) : nullptr;
    simd::for_lanes(0, channels, [&](int64_t c, auto lanes) {
      const int64_t at = row * channels + c;
      f32x v = (simd::load(x + at, lanes) - simd::load(mean + c, lanes)) * simd::load(scale + c, lanes) +
               simd::load(a.beta + c, lanes);
      if (residual) v += simd::load(residual + at, lanes);
      v = simd::activate<A>(v);
      if (A == Activation::relu && mask) store_bits(mask, int(c), simd::positive(v), lanes);
      simd::store(y + at, v, lanes);
    });
  }
}

template <class T>
void apply(const BatchNormShape& shape, const BatchNormForward& a) {
  Buffer scales(Device::cpu, std::size_t(shape.c) * sizeof(float));
  float* scale = scales.as<float>();
  for (int c = 0; c < shape.c; ++c) scale[c] = a.gamma[c] * a.invstd[c];
  simd::with_activation(a.activation, [&](auto kind) {
    parallel_for(shape.rows, batch_norm_block_rows(shape),
                 [&](int64_t begin, int64_t end) { apply_rows<T, kind.value>(a, a.mean, scale, shape.c, begin, end); });
  });
}

template <class T>
void train(const BatchNormShape& shape, const BatchNormForward& a) {
  const T* x = static_cast<const T*>(a.x);
  const Buffer partial =
      sum_blocks(shape, [&](int64_t begin, int64_t end, double* sums) { sum_moments(shape.c, x, begin, end, sums); });
  const double *sum = partial.as<double>(), *square = sum + shape.c;
  const double m = double(shape.rows), unbias = m > 1 ? m / (m - 1) : 1;
  for (int c = 0; c < shape.c; ++c) {
    const double mean = sum[c] / m, raw_var = square[c] / m - mean * mean;
    const double var = raw_var < 0 ? 0 : raw_var;  // rounding below 0; NaN stays
    a.mean[c] = float(mean);
    a.invstd[c] = float(1 / std::sqrt(var + double(a.eps)));
    a.running_mean[c] += a.momentum * (float(mean) - a.running_mean[c]);
    a.running_var[c] += a.momentum * (float(var * unbias) - a.running_var[c]);
  }
  apply<T>(shape, a);
}

template <class T>
void eval(const BatchNormShape& shape, const BatchNormForward& a) {
  for (int c = 0; c < shape.c; ++c) {
    a.mean[c] = a.running_mean[c];
    a.invstd[c] = 1 / std::sqrt(a.running_var[c] + a.eps);
  }
  apply<T>(shape, a);
}

// g = dy * f'(z) of a vector at (row, c); centered: x - mean there.
template <Activation A, class Lanes>
[[gnu::always_inline]] inline f32x gradient(const BatchNormBackward& a, const float* scale, int channels, f32x dy,
                                            f32x centered, int64_t row, int c, Lanes lanes) {
  if constexpr (A == Activation::none) return dy;
  if constexpr (A == Activation::relu) return simd::keep(dy, load_bits(a.mask + row * ((channels + 7) / 8), c, lanes));
  return dy * simd::activation_slope<A>(centered * simd::load(scale + c, lanes) + simd::load(a.beta + c, lanes));
}

// sums[0..c) = sum of g, sums[c..2c) = sum of g * (x - mean) over one block of rows.
template <class T, Activation A>
void sum_gradients(int channels, const BatchNormBackward& a, const float* scale, int64_t begin, int64_t end,
                   double* sums) {
  const T *x = static_cast<const T*>(a.x), *dy = static_cast<const T*>(a.dy);
  for_tiles(channels, [&](int c, auto vectors, auto lanes) {
    f32x sum[vectors] = {}, product[vectors] = {}, mean[vectors];
    for (int v = 0; v < vectors; ++v) mean[v] = simd::load(a.mean + c + v * kLanes, lanes);
    for (int64_t row = begin; row < end; ++row)
      for (int v = 0; v < vectors; ++v) {
        const int at = c + v * kLanes;
        const f32x centered = simd::load(x + row * channels + at, lanes) - mean[v];
        const f32x g =
            gradient<A>(a, scale, channels, simd::load(dy + row * channels + at, lanes), centered, row, at, lanes);
        sum[v] += g;
        product[v] += g * centered;
      }
    for (int i = 0; i < vectors * lanes; ++i) {
      sums[c + i] = double(sum[i / kLanes][i % kLanes]);
      sums[channels + c + i] = double(product[i / kLanes][i % kLanes]);
    }
  });
}

// dx = scale * (g - shift - (x - mean) * slope) and dresidual = g, for the rows [begin, end); by value as apply_rows.
template <class T, Activation A>
void apply_gradient_rows(const BatchNormBackward a, const float* scale, const float* shift, const float* slope,
                         int channels, int64_t begin, int64_t end) {
  const T *x = static_cast<const T*>(a.x), *dy = static_cast<const T*>(a.dy);
  T *dx = static_cast<T*>(a.dx), *dresidual = static_cast<T*>(a.dresidual);
  for (int64_t row = begin; row < end; ++row)
    simd::for_lanes(0, channels, [&](int64_t c, auto lanes) {
      const int64_t at = row * channels + c;
      f32x centered = {};
      if (a.training || recomputes(A)) centered = simd::load(x + at, lanes) - simd::load(a.mean + c, lanes);
      f32x g = gradient<A>(a, scale, channels, simd::load(dy + at, lanes), centered, row, int(c), lanes);
      if (dresidual) simd::store(dresidual + at, g, lanes);
      if (a.training) g -= simd::load(shift + c, lanes) + centered * simd::load(slope + c, lanes);
      simd::store(dx + at, simd::load(scale + c, lanes) * g, lanes);
    });
}

template <class T, Activation A>
void backward_through(const BatchNormShape& shape, const BatchNormBackward& a) {
  Buffer vectors(Device::cpu, std::size_t(3 * shape.c) * sizeof(float));
  float *scale = vectors.as<float>(), *shift = scale + shape.c, *slope = shift + shape.c;
  for (int c = 0; c < shape.c; ++c) scale[c] = a.gamma[c] * a.invstd[c];
  const Buffer partial = sum_blocks(shape, [&](int64_t begin, int64_t end, double* sums) {
    sum_gradients<T, A>(shape.c, a, scale, begin, end, sums);
  });
  const double *sum = partial.as<double>(), *product = sum + shape.c;
  const double m = double(shape.rows);
  for (int c = 0; c < shape.c; ++c) {
    const double invstd = double(a.invstd[c]);
    a.dbeta[c] = float(sum[c]);
    a.dgamma[c] = float(product[c] * invstd);
    shift[c] = float(sum[c] / m);
    slope[c] = float(product[c] * invstd * invstd / m);
  }
  parallel_for(shape.rows, batch_norm_block_rows(shape), [&](int64_t begin, int64_t end) {
    apply_gradient_rows<T, A>(a, scale, shift, slope, shape.c, begin, end);
  });
}

template <class T>
void backward_of(const BatchNormShape& shape, const BatchNormBackward& a) {
  simd::with_activation(a.activation, [&](auto kind) { backward_through<T, kind.value>(shape, a); });
}

void forward_train(const BatchNormShape& shape, DType dtype, const BatchNormForward& a) {
  check(shape);
  if (dtype == DType::f32) return train<float>(shape, a);
  if (dtype == DType::bf16) return train<bf16>(shape, a);
  fail_cpu_dtype("batch_norm: x", dtype);
}

void forward_eval(const BatchNormShape& shape, DType dtype, const BatchNormForward& a) {
  check(shape);
  if (dtype == DType::f32) return eval<float>(shape, a);
  if (dtype == DType::bf16) return eval<bf16>(shape, a);
  fail_cpu_dtype("batch_norm: x", dtype);
}

void backward(const BatchNormShape& shape, DType dtype, const BatchNormBackward& a) {
  check(shape);
  if (dtype == DType::f32) return backward_of<float>(shape, a);
  if (dtype == DType::bf16) return backward_of<bf16>(shape, a);
  fail_cpu_dtype("batch_norm: x", dtype);
}

}  // namespace

const BatchNormKernels batch_norm_cpu{
    .forward_train = forward_train, .forward_eval = forward_eval, .backward = backward};

}  // namespace pc
