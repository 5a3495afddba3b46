// 3x3 convolutions of inference by Winograd's minimal filtering: F(2x2, 3x3) makes 2 x 2 outputs of 16 products where
// the definition has 36, F(4x4, 3x3) makes 4 x 4 of 36 where it has 144.
//
// A tile is m x m outputs; d are the (m + 2) x (m + 2) inputs that they look at, g a filter of one channel. With the
// matrices B, G and A below, the tile is A^T [sum over c of (G g G^T) * (B^T d B)] A, * by elements: for each of
// (m + 2)^2 points a matrix product of tiles x c and c x k (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", CVPR 2016, arXiv 1509.09308). F(2x2) loses no more to rounding than the definition, F(4x4) some five times
// as much: an rms error of 2e-6 with 64 or 128 channels.
#include <algorithm>
#include <array>

#include "kernels/base/parallel.h"
#include "kernels/conv2d/conv2d_simd.h"

namespace pc::conv2d::PC_VARIANT {
namespace {

template <std::size_t N>
struct Vectors {
  f32x at[N];
  f32x& operator[](std::size_t i) { return at[i]; }
  const f32x& operator[](std::size_t i) const { return at[i]; }
};

//       | 1  0 -1  0 |       | 1    0    0   |
// B^T = | 0  1  1  0 |   G = | 1/2  1/2  1/2 |   A^T = | 1  1  1  0 |
//       | 0 -1  1  0 |       | 1/2 -1/2  1/2 |         | 0  1 -1 -1 |
//       | 0  1  0 -1 |       | 0    0    1   |
struct TwoByTwo {
  static constexpr std::size_t kOutputs = 2, kSide = 4;
  static Vectors<4> input(const Vectors<4>& d) { return {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]}; }
  static std::array<double, 4> filter(double a, double b, double c) { return {a, (a + b + c) / 2, (a - b + c) / 2, c}; }
  static Vectors<2> output(const Vectors<4>& m) { return {m[0] + m[1] + m[2], m[1] - m[2] - m[3]}; }
};

//       | 4  0 -5  0  1  0 |       |  1/4    0     0   |
//       | 0 -4 -4  1  1  0 |       | -1/6  -1/6  -1/6  |         | 1  1  1  1  1  0 |
// B^T = | 0  4 -4 -1  1  0 |   G = | -1/6   1/6  -1/6  |   A^T = | 0  1 -1  2 -2  0 |
//       | 0 -2 -1  2  1  0 |       |  1/24  1/12  1/6  |         | 0  1  1  4  4  0 |
//       | 0  2 -1 -2  1  0 |       |  1/24 -1/12  1/6  |         | 0  1 -1  8 -8  1 |
//       | 0  4  0 -5  0  1 |       |  0     0     1    |
struct FourByFour {
  static constexpr std::size_t kOutputs = 4, kSide = 6;
  static Vectors<6> input(const Vectors<6>& d) {
    const f32x a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = 2 * (d[3] - d[1]);
    return {4 * d[0] - 5 * d[2] + d[4], a + b, a - b, c + e, c - e, 4 * d[1] - 5 * d[3] + d[5]};
  }
  static std::array<double, 6> filter(double a, double b, double c) {
    const double even = (a + c) / 6, far = a / 24 + c / 6;
    return {a / 4, -even - b / 6, b / 6 - even, far + b / 12, far - b / 12, c};
  }
  static Vectors<4> output(const Vectors<6>& m) {
    const f32x sum = m[1] + m[2], difference = m[1] - m[2], far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    return {m[0] + sum + far_sum, difference + 2 * far_difference, sum + 4 * far_sum,
            difference + 8 * far_difference + m[5]};
  }
};

constexpr int kChunk = kRows;  // tiles that go together: as many as a register tile has rows

template <class F>
inline constexpr std::size_t kPoints = F::kSide* F::kSide;

template <class F>
class Winograd {
 public:
  Winograd(const Conv2dShape& shape, const Epilogue& epilogue, const float* x, const float* panels, float* y)
      : s_(shape),
        epilogue_(epilogue),
        x_(x),
        panels_(panels),
        y_(y),
        down_((shape.h + kOutputs - 1) / kOutputs),
        across_((shape.w + kOutputs - 1) / kOutputs) {}

  void run() const {
    const int64_t tiles = int64_t(s_.n) * down_ * across_, blocks = s_.k / kBlock, threads = thread_count();
    // With few tiles each thread takes a share of the filters and transforms the images for itself.
    const int64_t shares = tiles >= 2 * threads * kChunk ? 1 : std::min(blocks, threads);
    const int64_t unit = kChunk * (shares == 1 ? threads : 1);
    const int64_t chunks = std::min(tiles, (tiles + unit - 1) / unit * (unit / kChunk));  // none is empty
    const int64_t scratch_size = kAll * kChunk * (s_.c + kBlock) + s_.c;
    const Buffer own(Device::cpu, std::size_t(scratch_size * threads) * sizeof(float));
    parallel_each(chunks * shares, [&](int64_t i, int worker) {
      const Scratch scratch(own.as<float>() + scratch_size * worker, s_.c);
      const int64_t share = i / chunks, first = tiles * (i % chunks) / chunks;
      const int count = int(tiles * (i % chunks + 1) / chunks - first);
      for (int t = 0; t < count; ++t) transform_input(coord_of(first + t), scratch, t);
      for (int64_t block = blocks * share / shares; block < blocks * (share + 1) / shares; ++block) {
        multiply_points(scratch, count, block);
        for (int t = 0; t < count; ++t) transform_output(scratch, t, coord_of(first + t), block * kBlock);
      }
    });
  }

 private:
  static constexpr int kOutputs = F::kOutputs, kSide = F::kSide;
  static constexpr int64_t kAll = kPoints<F>;

  // What a thread works in: v[point][tile][c], sums[point][tile][kBlock] and the zeros beyond the border.
  struct Scratch {
    float *v, *sums, *zeros;
    Scratch(float* at, int c) : v(at), sums(v + kAll * kChunk * c), zeros(sums + kAll * kChunk * kBlock) {
      std::fill_n(zeros, c, 0.0f);
    }
  };

  struct Coord {
    int64_t image;
    int row, column;  // of the first output
  };
  Coord coord_of(int64_t tile) const {
    const int64_t per_image = int64_t(down_) * across_, within = tile % per_image;
    return {tile / per_image, kOutputs * int(within / across_), kOutputs * int(within % across_)};
  }

  // v of one tile.
  void transform_input(const Coord& at, const Scratch& scratch, int tile) const {
    const float* pixel[kSide][kSide];
    for (int i = 0; i < kSide; ++i)
      for (int j = 0; j < kSide; ++j) {
        const int h = at.row - 1 + i, w = at.column - 1 + j;
        const bool outside = h < 0 || h >= s_.h || w < 0 || w >= s_.w;
        pixel[i][j] = outside ? scratch.zeros : x_ + ((at.image * s_.h + h) * s_.w + w) * s_.c;
      }
    // Kept out of memory: a store through a vector may change any of it, as far as the compiler knows.
    const int channels = s_.c;
    const int64_t step = int64_t(kChunk) * channels;
    float* v = scratch.v + int64_t(tile) * channels;
    for (int c = 0; c < channels; c += kLanes) {
      Vectors<F::kSide> rows[kSide];
      for (std::size_t j = 0; j < F::kSide; ++j) {
        Vectors<F::kSide> d;
        for (std::size_t i = 0; i < F::kSide; ++i) d[i] = load(pixel[i][j] + c);
        d = F::input(d);
        for (std::size_t i = 0; i < F::kSide; ++i) rows[i][j] = d[i];
      }
      for (int i = 0; i < kSide; ++i) {
        const auto point = F::input(rows[i]);
        for (int j = 0; j < kSide; ++j) store(v + (i * kSide + j) * step + c, point[std::size_t(j)]);
      }
    }
  }

  // sums = v times the panel of one block, point by point.
  void multiply_points(const Scratch& scratch, int tiles, int64_t block) const {
    const float* panel = panels_ + block * kAll * s_.c * kBlock;
    for (int64_t point = 0; point < kAll; ++point) {
      const float* rows[kChunk] = {};
      for (int t = 0; t < tiles; ++t) rows[t] = scratch.v + (point * kChunk + t) * s_.c;
      multiply(rows, tiles, s_.c, panel + point * s_.c * kBlock, scratch.sums + point * kChunk * kBlock);
    }
  }

  // The outputs of one tile in the kBlock channels from `first` on.
  void transform_output(const Scratch& scratch, int tile, const Coord& at, int64_t first) const {
    const Epilogue e = epilogue_;
    const int rows_left = std::min(kOutputs, s_.h - at.row), columns_left = std::min(kOutputs, s_.w - at.column);
    const int64_t pixel = s_.k, line = pixel * s_.w,
                  to = ((at.image * s_.h + at.row) * s_.w + at.column) * pixel + first;
    float* y = y_;
    for (int o = 0; o < kBlock; o += kLanes) {
      const float* sums = scratch.sums + int64_t(tile) * kBlock + o;
      Vectors<F::kSide> rows[kOutputs];
      for (std::size_t j = 0; j < F::kSide; ++j) {
        Vectors<F::kSide> m;
        for (std::size_t i = 0; i < F::kSide; ++i) m[i] = load(sums + int64_t(i * F::kSide + j) * kChunk * kBlock);
        const auto column = F::output(m);
        for (std::size_t i = 0; i < F::kOutputs; ++i) rows[i][j] = column[i];
      }
      const f32x bias = e.bias ? load(e.bias + first + o) : f32x{};
      for (int i = 0; i < rows_left; ++i) {
        const auto out = F::output(rows[i]);
        for (int j = 0; j < columns_left; ++j) {
          const int64_t coord = to + i * line + j * pixel + o;
          f32x v = out[std::size_t(j)] + bias;
          if (e.residual) v += load(static_cast<const float*>(e.residual) + coord);
          store(y + coord, simd::activate(v, e.activation));
        }
      }
    }
  }

  const Conv2dShape& s_;
  const Epilogue& epilogue_;
  const float *x_, *panels_;
  float* y_;
  int down_, across_;  // tiles of an image
};

// G g G^T of the filter w[r][s], its numbers `step` apart.
template <class F>
std::array<float, kPoints<F>> transform_filter(const float* w, int64_t step) {
  std::array<double, F::kSide> columns[3];
  for (int s = 0; s < 3; ++s) {
    const auto g = [&](int r) { return double(w[(r * 3 + s) * step]); };
    columns[s] = F::filter(g(0), g(1), g(2));
  }
  std::array<float, kPoints<F>> u;
  for (std::size_t i = 0; i < F::kSide; ++i) {
    const auto row = F::filter(columns[0][i], columns[1][i], columns[2][i]);
    std::copy(row.begin(), row.end(), u.begin() + std::ptrdiff_t(i * F::kSide));
  }
  return u;
}

// The filter as `multiply` reads it: [block][point][c][kBlock].
template <class F>
Buffer make_panels(const Conv2dShape& s, const float* w) {
  const int64_t blocks = s.k / kBlock, size = int64_t(kPoints<F>) * s.c * kBlock;
  Buffer all(Device::cpu, std::size_t(blocks * size) * sizeof(float));
  parallel_for(s.k, kBlock, [&](int64_t begin, int64_t end) {
    float* panel = all.as<float>() + begin / kBlock * size;
    for (int64_t k = begin; k < end; ++k)
      for (int64_t c = 0; c < s.c; ++c) {
        const auto u = transform_filter<F>(w + k * 9 * s.c + c, s.c);
        for (std::size_t i = 0; i < kPoints<F>; ++i) panel[(int64_t(i) * s.c + c) * kBlock + k - begin] = u[i];
      }
  });
  return all;
}

}  // namespace

Buffer winograd_panels(int outputs, const Conv2dShape& s, const float* w) {
  return outputs == 2 ? make_panels<TwoByTwo>(s, w) : make_panels<FourByFour>(s, w);
}

void winograd(int outputs, const Conv2dShape& s, const float* x, const float* panels, const Epilogue& epilogue,
              float* y) {
  if (outputs == 2)
    Winograd<TwoByTwo>(s, epilogue, x, panels, y).run();
  else
    Winograd<FourByFour>(s, epilogue, x, panels, y).run();
}

}  // namespace pc::conv2d::PC_VARIANT
