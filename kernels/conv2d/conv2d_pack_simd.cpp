// Copies that conv2d on the CPU works from: filters as panels, images with a border of zeros.
#include <algorithm>
#include <type_traits>

#include "kernels/base/parallel.h"
#include "kernels/conv2d/conv2d_simd.h"

namespace pc::conv2d::PC_VARIANT {
namespace {

// Block `block` of the rows of w, a matrix of `outputs` rows of `length` numbers, transposed.
template <class T, bool Pairs>
void transposed_rows(const T* w, int outputs, int64_t length, int64_t block, float* panel) {
  const int64_t elements = Pairs ? length / 2 : length;
  const int rows = int(std::min<int64_t>(kBlock, outputs - block * kBlock));
  if (rows < kBlock) std::fill_n(panel, elements * kBlock, 0.0f);
  // A cache line of a row at a time: the rows of a block may lie in the same few sets of the cache.
  for (int64_t first = 0; first < elements; first += kLine) {
    const int64_t last = std::min(elements, first + kLine);
    for (int o = 0; o < rows; ++o) {
      const T* row = w + (block * kBlock + o) * length;
      for (int64_t j = first; j < last; ++j) {
        if constexpr (Pairs) {
          panel[j * kBlock + o] = pack_pair(row[2 * j], row[2 * j + 1]);
        } else {
          panel[j * kBlock + o] = float(row[j]);
        }
      }
    }
  }
}

// Columns `block` of w[k, tap, c], the filters of one group: for every tap and k (or two of them) kBlock channels c.
template <class T, bool Pairs>
void columns(const T* w, const Conv2dShape& s, int64_t block, float* panel) {
  const int64_t taps = int64_t(s.r) * s.s, filter = taps * s.group_c(), first = block * kBlock;
  const int count = int(std::min<int64_t>(kBlock, s.group_c() - first));
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t k = 0; k < s.group_k(); k += 1 + Pairs, panel += kBlock) {
      const T* from = w + k * filter + tap * s.group_c() + first;
      for (int o = 0; o < count; ++o) {
        if constexpr (Pairs) {
          panel[o] = pack_pair(from[o], from[filter + o]);
        } else {
          panel[o] = float(from[o]);
        }
      }
      std::fill(panel + count, panel + kBlock, 0.0f);
    }
}

// Calls f(w as its own type, pairs as a constant).
template <class F>
auto typed(DType dtype, bool pairs, const void* w, F f) {
  if (dtype == DType::f32) {
    const auto* f32_w = static_cast<const float*>(w);
    return pairs ? f(f32_w, std::true_type()) : f(f32_w, std::false_type());
  }
  const auto* bf16_w = static_cast<const bf16*>(w);
  return pairs ? f(bf16_w, std::true_type()) : f(bf16_w, std::false_type());
}

template <class From, class To>
void copy_padded(const Images& x, const From* from, const Border& border, int pitch, To* out) {
  const int64_t rows = int64_t(x.n) * x.h, row = int64_t(x.w + border.left + border.right) * pitch,
                left = int64_t(border.left) * pitch, right = int64_t(border.right) * pitch;
  parallel_for(rows, std::max<int64_t>(1, 8192 / row), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      To* to = out + i * row;
      const From* pixel = from + i * x.w * x.step;
      std::fill_n(to, left, To(0.0f));
      std::fill_n(to + row - right, right, To(0.0f));
      to += left;
      if (pitch == x.c && x.step == x.c) {
        for (int64_t j = 0; j < int64_t(x.w) * x.c; ++j) to[j] = To(pixel[j]);
      } else {
        for (int w = 0; w < x.w; ++w, to += pitch, pixel += x.step)
          for (int c = 0; c < x.c; ++c) to[c] = To(pixel[c]);
      }
    }
  });
}

}  // namespace

Panels forward_panels(const Conv2dShape& s, DType dtype, bool pairs, const void* w) {
  return typed(dtype, pairs, w, [&]<class T, class Pairs>(const T* filter, Pairs) -> Panels {
    return {.make = [=](int64_t block, float* panel) {
      transposed_rows<T, Pairs::value>(filter, s.group_k(), int64_t(s.r) * s.s * s.group_c(), block, panel);
    }};
  });
}

Panels backward_panels(const Conv2dShape& s, DType dtype, bool pairs, const void* w) {
  return typed(dtype, pairs, w, [&]<class T, class Pairs>(const T* filter, Pairs) -> Panels {
    return {.make = [=](int64_t block, float* panel) { columns<T, Pairs::value>(filter, s, block, panel); }};
  });
}

Buffer make_all(const Panels& panels, int64_t blocks, int64_t panel_size) {
  Buffer all(Device::cpu, std::size_t(blocks * panel_size) * sizeof(float));
  parallel_for(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) panels.make(block, all.as<float>() + block * panel_size);
  });
  return all;
}

Buffer padded_copy(const Images& x, DType from, const void* data, DType to, const Border& border, int pitch) {
  Buffer out(Device::cpu, std::size_t(x.n) * x.h * (x.w + border.left + border.right) * pitch * size_of(to));
  if (from == DType::f32) {
    copy_padded(x, static_cast<const float*>(data), border, pitch, out.as<float>());
  } else if (to == DType::f32) {
    copy_padded(x, static_cast<const bf16*>(data), border, pitch, out.as<float>());
  } else {
    copy_padded(x, static_cast<const bf16*>(data), border, pitch, out.as<bf16>());
  }
  return out;
}

}  // namespace pc::conv2d::PC_VARIANT
