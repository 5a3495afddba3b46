// Fills lerp_cpu: one streaming pass.
#include "kernels/lerp/lerp.h"
#include "kernels/runtime/parallel.h"
#include "kernels/runtime/simd_cpu.h"

namespace pc {
namespace {

constexpr int64_t kGrain = 32768;

void update(int64_t n, float t, const float* x, float* y) {
  const simd::f32x share = simd::splat(t);
  parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
    simd::for_lanes(begin, end, [=](int64_t i, auto lanes) {
      const simd::f32x old = simd::load(y + i, lanes);
      simd::store(y + i, old + share * (simd::load(x + i, lanes) - old), lanes);
    });
  });
}

}  // namespace

const LerpKernels lerp_cpu{.update = update};

}  // namespace pc
