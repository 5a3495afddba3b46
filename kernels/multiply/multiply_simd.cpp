// Fills multiply_cpu: one pass each way, rows in blocks.
#include "kernels/base/error.h"
#include "kernels/multiply/multiply.h"
#include "kernels/runtime/column_sums_simd.h"

namespace pc {
namespace {

using simd::f32x;

template <class T>
void forward_of(const MultiplyShape& shape, const T* x, const float* s, T* y) {
  const int64_t rows = shape.rows, c = shape.c;
  parallel_for(shape.groups * rows, column_block_rows(shape.c), [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* const factor = s + row / rows * c;
      const int64_t at = row * c;
      simd::for_lanes(0, c, [=](int64_t j, auto lanes) {
        simd::store(y + at + j, simd::load(x + at + j, lanes) * simd::load(factor + j, lanes), lanes);
      });
    }
  });
}

template <class T>
void backward_of(const MultiplyShape& shape, const T* dy, const T* x, const float* s, T* dx, float* ds) {
  const int64_t rows = shape.rows, c = shape.c;
  const auto block = [=](int64_t group, int64_t begin, int64_t end, double* sums) {
    simd::sum_block<1>(group * rows + begin, group * rows + end, shape.c, sums,
                       [=](int64_t row, int64_t j, auto lanes) {
                         const f32x g = simd::load(dy + row * c + j, lanes);
                         simd::store(dx + row * c + j, g * simd::load(s + group * c + j, lanes), lanes);
                         return simd::Terms<1>{g * simd::load(x + row * c + j, lanes)};
                       });
  };
  simd::sum_blocks(shape.groups, rows, shape.c, shape.c, block, [=](int64_t group, const double* sums) {
    for (int64_t j = 0; j < c; ++j) ds[group * c + j] = float(sums[j]);
  });
}

void forward(const MultiplyShape& shape, DType dtype, const void* x, const float* s, void* y) {
  if (dtype == DType::f32) return forward_of(shape, static_cast<const float*>(x), s, static_cast<float*>(y));
  if (dtype == DType::bf16) return forward_of(shape, static_cast<const bf16*>(x), s, static_cast<bf16*>(y));
  fail_cpu_dtype("multiply: x", dtype);
}

void backward(const MultiplyShape& shape, DType dtype, const void* dy, const void* x, const float* s, void* dx,
              float* ds) {
  if (dtype == DType::f32)
    return backward_of(shape, static_cast<const float*>(dy), static_cast<const float*>(x), s, static_cast<float*>(dx),
                       ds);
  if (dtype == DType::bf16)
    return backward_of(shape, static_cast<const bf16*>(dy), static_cast<const bf16*>(x), s, static_cast<bf16*>(dx), ds);
  fail_cpu_dtype("multiply: dy", dtype);
}

}  // namespace

const MultiplyKernels multiply_cpu{.forward = forward, .backward = backward};

}  // namespace pc
