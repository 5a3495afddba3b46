// Fills cast_cpu: one streaming pass, nine pairs of types.
#include <cstring>

#include "kernels/base/error.h"
#include "kernels/base/parallel.h"
#include "kernels/cast/cast.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

template <class X, class Y>
void convert(int64_t n, const X* x, Y* y) {
  parallel_for(n, kElementGrain, [=](int64_t begin, int64_t end) {
    if constexpr (std::is_same_v<X, Y>) {
      std::memcpy(y + begin, x + begin, std::size_t(end - begin) * sizeof(X));
    } else {
      simd::for_lanes(begin, end, [=](int64_t i, auto lanes) { simd::store(y + i, simd::load(x + i, lanes), lanes); });
    }
  });
}

template <class X>
void convert_from(int64_t n, const X* x, DType y_type, void* y) {
  if (y_type == DType::f32) return convert(n, x, static_cast<float*>(y));
  if (y_type == DType::bf16) return convert(n, x, static_cast<bf16*>(y));
  if (y_type == DType::f16) return convert(n, x, static_cast<f16*>(y));
  fail_shape(std::string("cast: y is ") + name_of(y_type) + ", expected f32, bf16 or f16");
}

void forward(int64_t n, DType x_type, const void* x, DType y_type, void* y) {
  if (x_type == DType::f32) return convert_from(n, static_cast<const float*>(x), y_type, y);
  if (x_type == DType::bf16) return convert_from(n, static_cast<const bf16*>(x), y_type, y);
  if (x_type == DType::f16) return convert_from(n, static_cast<const f16*>(x), y_type, y);
  fail_shape(std::string("cast: x is ") + name_of(x_type) + ", expected f32, bf16 or f16");
}

}  // namespace

const CastKernels cast_cpu{.forward = forward};

}  // namespace pc
