// Fills add_cpu: y += x in one streaming pass.
#include "kernels/add/add.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

template <class T>
void add(int64_t n, const void* x_data, void* y_data) {
  const T* x = static_cast<const T*>(x_data);
  T* y = static_cast<T*>(y_data);
  parallel_for(n, kElementGrain, [=](int64_t begin, int64_t end) {
    simd::for_lanes(begin, end, [=](int64_t i, auto lanes) {
      simd::store(y + i, simd::load(x + i, lanes) + simd::load(y + i, lanes), lanes);
    });
  });
}

void accumulate(int64_t n, DType dtype, const void* x, void* y) {
  if (dtype == DType::f32) return add<float>(n, x, y);
  if (dtype == DType::bf16) return add<bf16>(n, x, y);
  if (dtype == DType::f16) return add<f16>(n, x, y);
  fail_shape(std::string("add: x is ") + name_of(dtype) + ", expected f32, bf16 or f16");
}

}  // namespace

const AddKernels add_cpu{.accumulate = accumulate};

}  // namespace pc
