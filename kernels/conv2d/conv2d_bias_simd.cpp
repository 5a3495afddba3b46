// The gradient of conv2d's bias on the CPU.
#include "kernels/base/error.h"
#include "kernels/conv2d/conv2d_simd.h"
#include "kernels/runtime/column_sums_simd.h"

namespace pc::conv2d::PC_VARIANT {
namespace {

template <class T>
void sum(int64_t rows, int c, const T* dy, float* db) {
  const auto block = [=](int64_t, int64_t begin, int64_t end, double* sums) {
    simd::sum_block<1>(begin, end, c, sums, [=](int64_t row, int64_t j, auto lanes) {
      return simd::Terms<1>{load(dy + row * c + j, lanes)};
    });
  };
  simd::sum_blocks(1, rows, c, c, block, [=](int64_t, const double* sums) {
    for (int j = 0; j < c; ++j) db[j] = float(sums[j]);
  });
}

}  // namespace

void backward_bias(const Conv2dShape& s, DType dtype, const void* dy, float* db) {
  if (s.n == 0) return void(std::fill_n(db, s.k, 0.0f));
  if (dtype == DType::f32) return sum(s.y_pixels(), s.k, static_cast<const float*>(dy), db);
  if (dtype == DType::bf16) return sum(s.y_pixels(), s.k, static_cast<const bf16*>(dy), db);
  fail_cpu_dtype("conv2d: dy", dtype);
}

}  // namespace pc::conv2d::PC_VARIANT
