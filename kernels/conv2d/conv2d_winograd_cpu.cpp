// 3x3 convolutions of inference by Winograd's minimal filtering F(2x2, 3x3): 16 products where the definition has 36.
//
// A tile is 2 x 2 outputs; d are the 4 x 4 inputs that they look at, g a filter of one channel. With
//   B^T = | 1  0 -1  0 |   G = | 1    0    0   |   A^T = | 1  1  1  0 |
//         | 0  1  1  0 |       | 1/2  1/2  1/2 |         | 0  1 -1 -1 |
//         | 0 -1  1  0 |       | 1/2 -1/2  1/2 |
//         | 0  1  0 -1 |       | 0    0    1   |
// the tile is A^T [sum over c of (G g G^T) * (B^T d B)] A, * by elements: for each of 16 points a matrix product of
// tiles x c and c x k (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, arXiv
// 1509.09308). The transforms of d and of the sums have additions only, so that little is lost to rounding.
#include <algorithm>
#include <array>

#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/runtime/parallel.h"

namespace pc::conv2d {
namespace {

constexpr int kSide = 4, kPoints = kSide * kSide;
constexpr int kChunk = kRows;  // tiles that go together: as many as a register tile has rows

int tile_rows(const Conv2dShape& s) { return (s.h + 1) / 2; }
int tile_columns(const Conv2dShape& s) { return (s.w + 1) / 2; }

struct Place {
  int64_t image;
  int row, column;  // of the first output
};
Place place_of(const Conv2dShape& s, int64_t tile) {
  const int64_t per_image = int64_t(tile_rows(s)) * tile_columns(s), within = tile % per_image;
  return {tile / per_image, 2 * int(within / tile_columns(s)), 2 * int(within % tile_columns(s))};
}

using Square = std::array<std::array<Vec, kSide>, kSide>;

// d -> B^T d B
void transform(Square& d) {
  const auto line = [](Vec& a, Vec& b, Vec& c, Vec& e) {
    const Vec sum = b + c, difference = c - b;
    a = a - c, e = b - e, b = sum, c = difference;
  };
  for (auto& r : d) line(r[0], r[1], r[2], r[3]);
  for (std::size_t j = 0; j < kSide; ++j) line(d[0][j], d[1][j], d[2][j], d[3][j]);
}

// v[point][c] of one tile, its points `step` numbers apart. `zeros` are c of them.
void transform_input(const Conv2dShape& s, const float* x, const Place& at, const float* zeros, int64_t step,
                     float* v) {
  const float* pixel[kPoints];
  for (int i = 0; i < kPoints; ++i) {
    const int h = at.row - 1 + i / kSide, w = at.column - 1 + i % kSide;
    pixel[i] = h < 0 || h >= s.h || w < 0 || w >= s.w ? zeros : x + ((at.image * s.h + h) * s.w + w) * s.c;
  }
  for (int c = 0; c < s.c; c += kLanes) {
    Square d;
    for (int i = 0; i < kPoints; ++i) d[std::size_t(i / kSide)][std::size_t(i % kSide)] = load(pixel[i] + c);
    transform(d);
    for (int i = 0; i < kPoints; ++i) store(v + i * step + c, d[std::size_t(i / kSide)][std::size_t(i % kSide)]);
  }
}

// The outputs of one tile in the kBlock channels from `first` on; sums[point][kBlock], points `step` numbers apart.
void transform_output(const Conv2dShape& s, const float* sums, int64_t step, const Place& at, int64_t first,
                      const Epilogue& e, float* y) {
  for (int o = 0; o < kBlock; o += kLanes) {
    Vec half[2][kSide];
    for (int j = 0; j < kSide; ++j) {
      const auto m = [&](int i) { return load(sums + (i * kSide + j) * step + o); };
      half[0][j] = m(0) + m(1) + m(2);
      half[1][j] = m(1) - m(2) - m(3);
    }
    for (int i = 0; i < 2 && at.row + i < s.h; ++i) {
      const Vec* a = half[i];
      const Vec pair[2] = {a[0] + a[1] + a[2], a[1] - a[2] - a[3]};
      for (int j = 0; j < 2 && at.column + j < s.w; ++j) {
        const int64_t to = ((at.image * s.h + at.row + i) * s.w + at.column + j) * s.k + first + o;
        Vec v = pair[j];
        if (e.bias) v += load(e.bias + first + o);
        if (e.residual) v += load(static_cast<const float*>(e.residual) + to);
        store(y + to, e.relu ? (v < Vec{} ? Vec{} : v) : v);
      }
    }
  }
}

// G g G^T of the filter w[r][s], its numbers `step` apart.
std::array<float, kPoints> transform_filter(const float* w, int64_t step) {
  const auto line = [](double a, double b, double c) { return std::array{a, (a + b + c) / 2, (a - b + c) / 2, c}; };
  std::array<double, kSide> columns[3];
  for (int s = 0; s < 3; ++s) {
    const auto g = [&](int r) { return double(w[(r * 3 + s) * step]); };
    columns[s] = line(g(0), g(1), g(2));
  }
  std::array<float, kPoints> u;
  for (std::size_t i = 0; i < kSide; ++i) {
    const auto row = line(columns[0][i], columns[1][i], columns[2][i]);
    std::copy(row.begin(), row.end(), u.begin() + std::ptrdiff_t(i * kSide));
  }
  return u;
}

// What a thread works in: v[point][tile][c], sums[point][tile][kBlock] and the zeros beyond the border.
struct Scratch {
  float *v, *sums, *zeros;
  static int64_t size(int c) { return int64_t(kPoints) * kChunk * (c + kBlock) + c; }
  Scratch(float* at, int c)
      : v(at), sums(v + int64_t(kPoints) * kChunk * c), zeros(sums + int64_t(kPoints) * kChunk * kBlock) {
    std::fill_n(zeros, c, 0.0f);
  }
};

// sums = v times the panel of one block, point by point.
void multiply_points(const Scratch& scratch, int c, int tiles, const float* panel) {
  for (int point = 0; point < kPoints; ++point) {
    const float* rows[kChunk] = {};
    for (int t = 0; t < tiles; ++t) rows[t] = scratch.v + (int64_t(point) * kChunk + t) * c;
    multiply(rows, tiles, c, panel + int64_t(point) * c * kBlock, scratch.sums + int64_t(point) * kChunk * kBlock);
  }
}

}  // namespace

bool winograd_pays(const Conv2dShape& s) {
  if (s.r != 3 || s.s != 3 || s.stride != 1 || s.pad != 1 || s.c % kLanes != 0 || s.k % kBlock != 0) return false;
  const int64_t products = int64_t(kPoints) * tile_rows(s) * tile_columns(s);
  const int64_t direct = (3 * int64_t(s.h) - 2) * (3 * int64_t(s.w) - 2);  // those with the border left out
  return products * 5 <= direct * 3;
}

Buffer winograd_panels(const Conv2dShape& s, const float* w) {
  const int64_t blocks = s.k / kBlock, size = int64_t(kPoints) * s.c * kBlock;
  Buffer all(Device::cpu, std::size_t(blocks * size) * sizeof(float));
  parallel_for(s.k, kBlock, [&](int64_t begin, int64_t end) {
    float* panel = all.as<float>() + begin / kBlock * size;
    for (int64_t k = begin; k < end; ++k)
      for (int64_t c = 0; c < s.c; ++c) {
        const auto u = transform_filter(w + k * 9 * s.c + c, s.c);
        for (std::size_t i = 0; i < kPoints; ++i) panel[(int64_t(i) * s.c + c) * kBlock + k - begin] = u[i];
      }
  });
  return all;
}

void winograd(const Conv2dShape& s, const float* x, const float* panels, const Epilogue& epilogue, float* y) {
  const int64_t tiles = int64_t(s.n) * tile_rows(s) * tile_columns(s), blocks = s.k / kBlock, threads = thread_count();
  // With few tiles each thread takes a share of the filters and transforms the pictures for itself.
  const int64_t shares = tiles >= 2 * threads * kChunk ? 1 : std::min(blocks, threads);
  const int64_t unit = kChunk * (shares == 1 ? threads : 1), chunks = (tiles + unit - 1) / unit * (unit / kChunk);
  const int64_t panel = int64_t(kPoints) * s.c * kBlock;
  const Buffer own(Device::cpu, std::size_t(Scratch::size(s.c) * threads) * sizeof(float));
  parallel_each(chunks * shares, [&](int64_t i, int worker) {
    const Scratch scratch(own.as<float>() + Scratch::size(s.c) * worker, s.c);
    const int64_t share = i / chunks, first = tiles * (i % chunks) / chunks;
    const int count = int(tiles * (i % chunks + 1) / chunks - first);
    for (int t = 0; t < count; ++t)
      transform_input(s, x, place_of(s, first + t), scratch.zeros, int64_t(kChunk) * s.c, scratch.v + int64_t(t) * s.c);
    for (int64_t block = blocks * share / shares; block < blocks * (share + 1) / shares; ++block) {
      multiply_points(scratch, s.c, count, panels + block * panel);
      for (int t = 0; t < count; ++t)
        transform_output(s, scratch.sums + int64_t(t) * kBlock, int64_t(kChunk) * kBlock, place_of(s, first + t),
                         block * kBlock, epilogue, y);
    }
  });
}

}  // namespace pc::conv2d
