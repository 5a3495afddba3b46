// max_pool against plain loops: windows, ties, NaN, the gradient's way back, threads, CPU and GPU.
#include "kernels/max_pool/max_pool.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

struct Result {
  Values y, dx;
  std::vector<uint8_t> index;
};

int64_t x_size(const MaxPoolShape& s) { return int64_t(s.n) * s.h * s.w * s.c; }
int64_t y_size(const MaxPoolShape& s) { return int64_t(s.n) * s.p() * s.q() * s.c; }

Result reference(const MaxPoolShape& s, const Values& x, const Values& dy) {
  Result out{.y = Values(std::size_t(y_size(s))),
             .dx = Values(std::size_t(x_size(s))),
             .index = std::vector<uint8_t>(std::size_t(y_size(s)))};
  std::size_t at = 0;
  for (int n = 0; n < s.n; ++n)
    for (int p = 0; p < s.p(); ++p)
      for (int q = 0; q < s.q(); ++q)
        for (int c = 0; c < s.c; ++c, ++at) {
          std::size_t best = 0;
          bool found = false;
          for (int r = 0; r < s.kernel_size; ++r)
            for (int i = 0; i < s.kernel_size; ++i) {
              const int h = p * s.stride + r - s.pad, w = q * s.stride + i - s.pad;
              if (h < 0 || w < 0 || h >= s.h || w >= s.w) continue;
              const std::size_t from = std::size_t(((int64_t(n) * s.h + h) * s.w + w) * s.c + c);
              if (found && !(x[from] > x[best]) && !std::isnan(x[from])) continue;
              best = from, found = true;
              out.index[at] = uint8_t(r * s.kernel_size + i);
            }
          out.y[at] = x[best];
          out.dx[best] += dy[at];
        }
  return out;
}

Result kernel(const MaxPoolShape& s, const Values& x, const Values& dy, Device device, DType dtype) {
  const Array in(device, dtype, x), y(device, dtype, y_size(s)), again(device, dtype, y_size(s));
  const Array index(device, DType::u8, y_size(s)), gradient(device, dtype, dy), dx(device, dtype, x_size(s));
  PC_KERNELS(max_pool, device).forward(s, dtype, in.data(), y.data(), index.as<uint8_t>());
  PC_KERNELS(max_pool, device).forward(s, dtype, in.data(), again.data(), nullptr);
  PC_KERNELS(max_pool, device).backward(s, dtype, gradient.data(), index.as<uint8_t>(), dx.data());
  EXPECT_EQ(y.bytes(), again.bytes()) << "without an index";
  return {.y = y.values(), .dx = dx.values(), .index = index.bytes()};
}

void check(const MaxPoolShape& s, Device device, DType dtype) {
  SCOPED_TRACE("x [" + std::to_string(s.n) + ", " + std::to_string(s.h) + ", " + std::to_string(s.w) + ", " +
               std::to_string(s.c) + "] window " + std::to_string(s.kernel_size) + " stride " +
               std::to_string(s.stride) + " pad " + std::to_string(s.pad));
  // In bf16 many values are equal: ties are tested too.
  const Values x = rounded(random_values(x_size(s), 1), dtype), dy = rounded(random_values(y_size(s), 2), dtype);
  const Result want = reference(s, x, dy), got = kernel(s, x, dy, device, dtype);
  expect_close(got.y, want.y, {0, 0}, "y");
  EXPECT_EQ(got.index, want.index);
  expect_close(got.dx, want.dx, tolerance(dtype), "dx");
}

void check_many(Device device, DType dtype) {
  check({.n = 2, .h = 12, .w = 10, .c = 64}, device, dtype);
  check({.n = 1, .h = 7, .w = 9, .c = 5}, device, dtype);
  check({.n = 3, .h = 1, .w = 1, .c = 17}, device, dtype);
  check({.n = 2, .h = 8, .w = 6, .c = 33, .kernel_size = 2, .stride = 2, .pad = 0}, device, dtype);
  check({.n = 1, .h = 9, .w = 9, .c = 8, .kernel_size = 3, .stride = 1, .pad = 1}, device, dtype);
  check({.n = 1, .h = 20, .w = 17, .c = 3, .kernel_size = 5, .stride = 3, .pad = 2}, device, dtype);
  check({.n = 1, .h = 30, .w = 31, .c = 16, .kernel_size = 15, .stride = 4, .pad = 7}, device, dtype);
  check({.n = 1, .h = 5, .w = 5, .c = 4, .kernel_size = 2, .stride = 3, .pad = 0}, device, dtype);
  check({.n = 4, .h = 40, .w = 30, .c = 64}, device, dtype);
}

// Every number of channels to two vectors and more, against every window on small images.
void check_remainders(DType dtype) {
  int c = 0;
  for (const int size : {1, 2, 3, 5})
    for (int stride = 1; stride <= 4; ++stride)
      for (int pad = 0; pad <= size / 2; ++pad)
        for (int h = 1; h <= 6; ++h)
          for (int w = 1; w <= 6; ++w) {
            const MaxPoolShape s{.n = 2,
                                 .h = h,
                                 .w = w,
                                 .c = 1 + c++ % (2 * built_for.lanes() + 1),
                                 .kernel_size = size,
                                 .stride = stride,
                                 .pad = pad};
            if (h + 2 * pad >= size && w + 2 * pad >= size) check(s, Device::cpu, dtype);
          }
  check({.n = 1, .h = 30, .w = 31, .c = 16, .kernel_size = 15, .stride = 4, .pad = 7}, Device::cpu, dtype);
  check({.n = 4, .h = 40, .w = 30, .c = 64}, Device::cpu, dtype);  // many blocks of rows
}

TEST(MaxPool, MatchesReferenceF32) { check_remainders(DType::f32); }
TEST(MaxPool, MatchesReferenceBf16) { check_remainders(DType::bf16); }

TEST(MaxPool, ReferenceGradientIsTheDerivative) {
  const MaxPoolShape s{.n = 1, .h = 5, .w = 4, .c = 3};
  const Values x = random_values(x_size(s), 1), dy = random_values(y_size(s), 2);
  expect_close(reference(s, x, dy).dx, differences([&](const Values& v) { return dot(reference(s, v, dy).y, dy); }, x),
               {1e-6, 1e-8}, "dx");
}

TEST(MaxPool, PaddingNeverWins) {
  const MaxPoolShape s{.n = 1, .h = 4, .w = 4, .c = 18};
  for (double low : {-5.0, -double(kInf)}) {
    const Result got =
        kernel(s, Values(std::size_t(x_size(s)), low), Values(std::size_t(y_size(s)), 1), Device::cpu, DType::f32);
    for (double y : got.y) EXPECT_EQ(y, low);
    EXPECT_EQ(got.index[0], 4) << "the first position inside the picture";
  }
}

TEST(MaxPool, NaNWins) {
  const MaxPoolShape s{.n = 1, .h = 6, .w = 6, .c = 21};
  for (DType dtype : {DType::f32, DType::bf16}) {
    Values x = rounded(random_values(x_size(s), 1), dtype);
    x[(2 * 6 + 3) * 21 + 20] = double(kNaN);
    const Values dy(std::size_t(y_size(s)), 1);
    const Result want = reference(s, x, dy), got = kernel(s, x, dy, Device::cpu, dtype);
    EXPECT_EQ(std::count_if(got.y.begin(), got.y.end(), [](double y) { return std::isnan(y); }), 2);
    expect_close(got.y, want.y, {0, 0}, "y");
    EXPECT_EQ(got.index, want.index);
  }
}

TEST(MaxPool, SameBitsWithAnyNumberOfThreads) {
  const MaxPoolShape s{.n = 6, .h = 30, .w = 30, .c = 40};
  const Array x(Device::cpu, DType::f32, random_values(x_size(s), 1)),
      dy(Device::cpu, DType::f32, random_values(y_size(s), 2));
  const Array y(Device::cpu, DType::f32, y_size(s)), index(Device::cpu, DType::u8, y_size(s)),
      dx(Device::cpu, DType::f32, x_size(s));
  expect_same_bits_with_two_threads([&] {
    max_pool_cpu.forward(s, DType::f32, x.data(), y.data(), index.as<uint8_t>());
    max_pool_cpu.backward(s, DType::f32, dy.data(), index.as<uint8_t>(), dx.data());
    return joined({&y, &index, &dx});
  });
}

TEST(MaxPool, RefusesWhatItDoesNotServe) {
  EXPECT_THROW(max_pool_cpu.forward({.n = 1, .h = 4, .w = 4, .c = 4}, DType::f16, nullptr, nullptr, nullptr),
               std::logic_error);
  EXPECT_THROW(
      max_pool_cpu.forward({.n = 1, .h = 4, .w = 4, .c = 4, .kernel_size = 16}, DType::f32, nullptr, nullptr, nullptr),
      std::logic_error);
  EXPECT_THROW(max_pool_cpu.backward({.n = 1, .h = 4, .w = 4, .c = 4, .kernel_size = 3, .stride = 1, .pad = 2},
                                     DType::f32, nullptr, nullptr, nullptr),
               std::logic_error);
}

TEST(MaxPool, GpuMatchesReference) {
  PC_NEEDS_GPU();
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) check_many(Device::cuda, dtype);
}

}  // namespace
}  // namespace pc::test
