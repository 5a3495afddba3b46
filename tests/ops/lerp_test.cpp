// lerp: y += t * (x - y) over several tensors in one call.
#include "kernels/lerp/lerp.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

void check(Device device) {
  for (float t : {0.0f, 0.001f, 0.25f, 1.0f}) {
    std::vector<Values> x, want;
    std::vector<Array> dx, dy;
    std::vector<LerpTensor> tensors;
    for (int64_t n : element_counts()) {
      x.push_back(rounded(random_values(n, 1), DType::f32));
      want.push_back(rounded(random_values(n, 2), DType::f32));
      dx.emplace_back(device, DType::f32, x.back());
      dy.emplace_back(device, DType::f32, want.back());
      tensors.push_back({n, dx.back().as<float>(), dy.back().as<float>()});
      for (std::size_t i = 0; i < x.back().size(); ++i) want.back()[i] += double(t) * (x.back()[i] - want.back()[i]);
    }
    PC_KERNELS(lerp, device).update(t, tensors);
    for (std::size_t i = 0; i < x.size(); ++i) {
      expect_close(dy[i].values(), want[i], {1e-6, 1e-6}, "y");
      expect_close(dx[i].values(), x[i], {0, 0}, "x");
    }
  }
}

TEST(Lerp, MatchesReference) { check(Device::cpu); }

TEST(Lerp, NaNPropagates) {
  const Array x(Device::cpu, DType::f32, Values{1, double(kNaN), 2}),
      y(Device::cpu, DType::f32, Values{1, 1, double(kNaN)});
  const LerpTensor tensor{3, x.as<float>(), y.as<float>()};
  lerp_cpu.update(0.5f, {&tensor, 1});
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
