// Fills add_cpu: one streaming pass.
#include "kernels/add/add.h"
#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

// z may be y.
template <class T>
void add(int64_t n, const void* x_data, const void* y_data, void* z_data) {
  const T *x = static_cast<const T*>(x_data), *y = static_cast<const T*>(y_data);
  T* z = static_cast<T*>(z_data);
  parallel_for(n, kElementGrain, [=](int64_t begin, int64_t end) {
    simd::for_lanes(begin, end, [=](int64_t i, auto lanes) {
      simd::store(z + i, simd::load(x + i, lanes) + simd::load(y + i, lanes), lanes);
    });
  });
}

void forward(int64_t n, DType dtype, const void* x, const void* y, void* z) {
  if (dtype == DType::f32) return add<float>(n, x, y, z);
  if (dtype == DType::bf16) return add<bf16>(n, x, y, z);
  if (dtype == DType::f16) return add<f16>(n, x, y, z);
  fail_shape(std::string("add: x is ") + name_of(dtype) + ", expected f32, bf16 or f16");
}

void accumulate(int64_t n, DType dtype, const void* x, void* y) { forward(n, dtype, x, y, y); }

}  // namespace

const AddKernels add_cpu{.forward = forward, .accumulate = accumulate};

}  // namespace pc
