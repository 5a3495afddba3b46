// lerp: y += t * (x - y).
#include "kernels/lerp/lerp.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

void check(Device device) {
  for (int64_t n : {1, 7, 16, 33, 1000, 40003})
    for (float t : {0.0f, 0.001f, 0.25f, 1.0f}) {
      const Values x = rounded(random_values(n, 1), DType::f32), y = rounded(random_values(n, 2), DType::f32);
      const Array dx(device, DType::f32, x), dy(device, DType::f32, y);
      PC_KERNELS(lerp, device).update(n, t, dx.as<float>(), dy.as<float>());
      Values want(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) want[i] = y[i] + double(t) * (x[i] - y[i]);
      expect_close(dy.values(), want, {1e-6, 1e-6}, "y");
      expect_close(dx.values(), x, {0, 0}, "x");
    }
}

TEST(Lerp, MatchesReference) { check(Device::cpu); }

TEST(Lerp, NaNPropagates) {
  const Array x(Device::cpu, DType::f32, Values{1, double(kNaN), 2}), y(Device::cpu, DType::f32, Values{1, 1, double(kNaN)});
  lerp_cpu.update(3, 0.5f, x.as<float>(), y.as<float>());
  expect_close(y.values(), {1, double(kNaN), double(kNaN)}, {0, 0}, "y");
}

TEST(Lerp, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check(Device::cuda);
  const OffAlignment off;
  check(Device::cuda);
}

}  // namespace
}  // namespace pc::test
