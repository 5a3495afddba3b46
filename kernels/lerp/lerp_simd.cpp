// Fills lerp_cpu: one streaming pass over each tensor.
#include "kernels/base/parallel.h"
#include "kernels/lerp/lerp.h"
#include "kernels/runtime/simd.h"

namespace pc {
namespace {

void update(float t, std::span<const LerpTensor> tensors) {
  const simd::f32x share = simd::splat(t);
  for (const auto& [n, x, y] : tensors)
    parallel_for(n, kElementGrain, [share, from = x, to = y](int64_t begin, int64_t end) {
      simd::for_lanes(begin, end, [=](int64_t i, auto lanes) {
        const simd::f32x old = simd::load(to + i, lanes);
        simd::store(to + i, old + share * (simd::load(from + i, lanes) - old), lanes);
      });
    });
}

}  // namespace

const LerpKernels lerp_cpu{.update = update};

}  // namespace pc
