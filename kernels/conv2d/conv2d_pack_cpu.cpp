// Copies that conv2d on the CPU works from: filters as panels, images with a border of zeros.
#include <algorithm>

#include "kernels/conv2d/conv2d_cpu.h"
#include "kernels/runtime/parallel.h"

namespace pc::conv2d {
namespace {

// w is a matrix of `outputs` rows: each block of kBlock rows is transposed.
template <class T>
void transpose_rows(const T* w, int outputs, int64_t length, float* panels) {
  constexpr int kLine = 16;  // a cache line of a row at a time: the rows of a block may lie in the same few sets of the cache
  const int64_t lines = (length + kLine - 1) / kLine, blocks = (outputs + kBlock - 1) / kBlock;
  parallel_for(blocks * lines, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t block = i / lines, first = i % lines * kLine, last = std::min(length, first + kLine);
      const int rows = int(std::min<int64_t>(kBlock, outputs - block * kBlock));
      float* panel = panels + block * length * kBlock;
      if (rows < kBlock) std::fill(panel + first * kBlock, panel + last * kBlock, 0.0f);
      for (int o = 0; o < rows; ++o) {
        const T* row = w + (block * kBlock + o) * length;
        for (int64_t j = first; j < last; ++j) panel[j * kBlock + o] = float(row[j]);
      }
    }
  });
}

template <class T>
void gather_columns(const T* w, const Conv2dShape& s, float* panels) {
  const int64_t taps = int64_t(s.r) * s.s, blocks = (s.c + kBlock - 1) / kBlock;
  parallel_for(blocks * taps, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i / taps * kBlock, tap = i % taps;
      const int columns = int(std::min<int64_t>(kBlock, s.c - first));
      for (int64_t k = 0; k < s.k; ++k) {
        const T* from = w + (k * taps + tap) * s.c + first;
        float* to = panels + (i * s.k + k) * kBlock;
        for (int o = 0; o < columns; ++o) to[o] = float(from[o]);
        for (int o = columns; o < kBlock; ++o) to[o] = 0.0f;
      }
    }
  });
}

template <class T>
void copy_padded(const Images& x, const T* from, int pad_h, int pad_w, int pitch, float* out) {
  const int64_t rows = x.h + 2 * pad_h, row = int64_t(x.w + 2 * pad_w) * pitch, border = int64_t(pad_w) * pitch;
  parallel_for(x.n * rows, std::max<int64_t>(1, 8192 / row), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / rows, y = i % rows - pad_h;
      float* to = out + i * row;
      if (y < 0 || y >= x.h) {
        std::fill_n(to, row, 0.0f);
        continue;
      }
      const T* pixel = from + (image * x.h + y) * x.w * x.c;
      std::fill_n(to, border, 0.0f);
      std::fill_n(to + row - border, border, 0.0f);
      to += border;
      if (pitch == x.c) {
        for (int64_t j = 0; j < int64_t(x.w) * x.c; ++j) to[j] = float(pixel[j]);
      } else {
        for (int w = 0; w < x.w; ++w, to += pitch, pixel += x.c)
          for (int c = 0; c < x.c; ++c) to[c] = float(pixel[c]);
      }
    }
  });
}

}  // namespace

Buffer forward_panels(const Conv2dShape& s, DType dtype, const void* w) {
  const int64_t length = int64_t(s.r) * s.s * s.c;
  Buffer panels(Device::cpu, std::size_t((s.k + kBlock - 1) / kBlock * kBlock * length) * sizeof(float));
  if (dtype == DType::f32) {
    transpose_rows(static_cast<const float*>(w), s.k, length, panels.as<float>());
  } else {
    transpose_rows(static_cast<const bf16*>(w), s.k, length, panels.as<float>());
  }
  return panels;
}

Buffer backward_panels(const Conv2dShape& s, DType dtype, const void* w) {
  Buffer panels(Device::cpu, std::size_t((s.c + kBlock - 1) / kBlock * kBlock) * s.r * s.s * s.k * sizeof(float));
  if (dtype == DType::f32) {
    gather_columns(static_cast<const float*>(w), s, panels.as<float>());
  } else {
    gather_columns(static_cast<const bf16*>(w), s, panels.as<float>());
  }
  return panels;
}

Buffer padded_copy(const Images& x, DType dtype, const void* from, int pad_h, int pad_w, int pitch) {
  Buffer out(Device::cpu, std::size_t(x.n) * (x.h + 2 * pad_h) * (x.w + 2 * pad_w) * pitch * sizeof(float));
  if (dtype == DType::f32) {
    copy_padded(x, static_cast<const float*>(from), pad_h, pad_w, pitch, out.as<float>());
  } else {
    copy_padded(x, static_cast<const bf16*>(from), pad_h, pad_w, pitch, out.as<float>());
  }
  return out;
}

}  // namespace pc::conv2d
