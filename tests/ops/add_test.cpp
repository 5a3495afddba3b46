// add: its table of cases; and y += x, rounded once.
#include "kernels/add/add.h"

#include "tests/ops/add_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

void check(Device device, DType dtype) {
  for (int64_t n : element_counts()) {
    const Values x = rounded(random_values(n, 1), dtype), y = rounded(random_values(n, 2), dtype);
    const Array dx(device, dtype, x), dy(device, dtype, y);
    PC_KERNELS(add, device).accumulate(n, dtype, dx.data(), dy.data());
    Values sum(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) sum[i] = double(float(x[i]) + float(y[i]));
    expect_close(dy.values(), rounded(sum, dtype), {0, 0}, "y");
    expect_close(dx.values(), x, {0, 0}, "x");
  }
}

TEST(Add, MatchesReference) { check_values(add_cases(), Device::cpu); }
TEST(Add, NaNAndInfinity) { check_special_values(add_cases(), Device::cpu); }
TEST(Add, SameBitsWithAnyNumberOfThreads) { check_threads(add_cases()); }
TEST(Add, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(add_cases(), Device::cuda);
}

TEST(Add, F32) { check(Device::cpu, DType::f32); }
TEST(Add, Bf16) { check(Device::cpu, DType::bf16); }
TEST(Add, F16) { check(Device::cpu, DType::f16); }

TEST(Add, NaNPropagates) {
  const Array x(Device::cpu, DType::bf16, Values{1, double(kNaN), 2}),
      y(Device::cpu, DType::bf16, Values{1, 1, double(kNaN)});
  add_cpu.accumulate(3, DType::bf16, x.data(), y.data());
  expect_close(y.values(), {2, double(kNaN), double(kNaN)}, {0, 0}, "y");
}

TEST(Add, RefusesIntegers) { EXPECT_THROW(add_cpu.accumulate(1, DType::i32, nullptr, nullptr), std::logic_error); }

TEST(Add, Gpu) {
  PC_NEEDS_GPU();
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    check(Device::cuda, dtype);
    const OffAlignment off;
    check(Device::cuda, dtype);
  }
}

}  // namespace
}  // namespace pc::test
