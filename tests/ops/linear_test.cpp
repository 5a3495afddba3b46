// linear and linear_logits' kernels against plain f64 loops: forward, both gradients, tile edges, threads, CPU and GPU.
#include "kernels/linear/linear.h"

#include "kernels/linear/linear_tiles.h"
#include "tests/ops/linear_cases.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

struct Inputs {
  Values x, w, b, dy;
};
struct Result {
  Values y, dx, dw, db;
};

Inputs make_inputs(const LinearShape& s, DType dtype) {
  return {.x = rounded(random_values(int64_t(s.n) * s.in, 1), dtype),
          .w = rounded(random_values(int64_t(s.out) * s.in, 2, 0.1), dtype),
          .b = random_values(s.out, 3),
          .dy = random_values(int64_t(s.n) * s.out, 4)};
}

Result reference(const LinearShape& s, const Inputs& in) {
  const std::size_t rows = std::size_t(s.n), width = std::size_t(s.in), outs = std::size_t(s.out);
  Result r{.y = Values(rows * outs), .dx = Values(rows * width), .dw = Values(outs * width), .db = Values(outs)};
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t o = 0; o < outs; ++o) {
      double sum = in.b[o];
      const double dy = in.dy[i * outs + o];
      for (std::size_t k = 0; k < width; ++k) {
        sum += in.x[i * width + k] * in.w[o * width + k];
        r.dx[i * width + k] += dy * in.w[o * width + k];
        r.dw[o * width + k] += dy * in.x[i * width + k];
      }
      r.y[i * outs + o] = sum;
      r.db[o] += dy;
    }
  return r;
}

Result kernel(const LinearShape& s, const Inputs& in, Device device, DType dtype,
              std::vector<uint8_t>* bits = nullptr) {
  const Array x(device, dtype, in.x), w(device, dtype, in.w), b(device, DType::f32, in.b),
      dy(device, DType::f32, in.dy);
  const Array y(device, DType::f32, int64_t(s.n) * s.out), dx(device, dtype, int64_t(s.n) * s.in);
  const Array dw(device, DType::f32, int64_t(s.out) * s.in), db(device, DType::f32, s.out);
  const LinearKernels& table = PC_KERNELS(linear, device);
  table.forward(s, dtype, x.data(), w.data(), b.as<float>(), y.as<float>());
  table.backward_data(s, dtype, dy.as<float>(), w.data(), dx.data());
  table.backward_weight(s, dtype, x.data(), dy.as<float>(), dw.as<float>(), db.as<float>());
  if (bits) *bits = joined({&y, &dx, &dw, &db});
  return {.y = y.values(), .dx = dx.values(), .dw = dw.values(), .db = db.values()};
}

// The GPU rounds dy to 16 bits for the tensor cores: there the products' reference takes it rounded, too.
void check(const LinearShape& s, Device device, DType dtype) {
  SCOPED_TRACE("n " + std::to_string(s.n) + " in " + std::to_string(s.in) + " out " + std::to_string(s.out));
  const Inputs in = make_inputs(s, dtype);
  Inputs seen = in;
  if (device == Device::cuda) seen.dy = rounded(in.dy, dtype);
  const Result want = reference(s, seen), sums = reference(s, in), got = kernel(s, in, device, dtype);
  expect_close(got.y, want.y, tolerance(DType::f32, 1 + 0.1 * std::sqrt(s.in)), "y");
  expect_close(got.dx, want.dx, tolerance(dtype, 1 + 0.1 * std::sqrt(s.out)), "dx");
  expect_close(got.dw, want.dw, tolerance(DType::f32, 1 + 3 * std::sqrt(s.n)), "dw");
  expect_close(got.db, sums.db, tolerance(DType::f32, 1 + 3 * std::sqrt(s.n)), "db");
}

void check_many(Device device, DType dtype) {
  for (const LinearShape& s : {LinearShape{1, 1, 1},
                               {1, 512, 150},
                               {2, 17, 3},
                               {5, 64, 16},
                               {7, 100, 33},
                               {64, 512, 150},
                               {64, 512, 45},
                               {33, 2048, 9},
                               {3, 15, 5},
                               {130, 80, 70}})
    check(s, device, dtype);
}

// Every remainder of a tile's rows, outputs and vectors; blocks of tiles and both sides of their ends.
void check_remainders(DType dtype) {
  constexpr int kFew = 2 * kLinearRows + 1;
  for (int n = 1; n <= kFew; ++n)
    for (int out = 1; out <= kFew; ++out) check({n, 5, out}, Device::cpu, dtype);
  for (int in = 1; in <= 2 * kLinearVectors * built_for.lanes() + built_for.lanes() + 1; ++in)
    check({1 + in % kFew, in, 1 + in / 2 % kFew}, Device::cpu, dtype);
  const LinearShape s{300, 40, 300};
  for (const int64_t grain : {linear_grain(s.in, s.n), linear_grain(s.out, s.in)})
    for (const int more : {-1, 0, 1}) {
      const int blocks = int(2 * grain * kLinearRows) + more;
      check({s.n, s.in, blocks}, Device::cpu, dtype);
      check({blocks, s.in, s.out}, Device::cpu, dtype);
    }
}

TEST(Linear, OnMapsMatchesReference) { check_values(linear_cases(), Device::cpu); }
TEST(Linear, OnMapsHasTheSameBitsWithAnyNumberOfThreads) { check_threads(linear_cases()); }
TEST(Linear, GpuOnMapsMatchesReference) {
  PC_NEEDS_GPU();
  check_values(linear_cases(), Device::cuda);
}

TEST(Linear, MatchesReferenceF32) { check_remainders(DType::f32); }
TEST(Linear, MatchesReferenceBf16) { check_remainders(DType::bf16); }

TEST(Linear, ReferenceGradientIsTheDerivative) {
  const LinearShape s{3, 4, 2};
  Inputs in = make_inputs(s, DType::f32);
  const Result want = reference(s, in);
  const auto loss_of = [&](Values Inputs::*member) {
    return [&, member](const Values& v) {
      Inputs moved = in;
      moved.*member = v;
      return dot(reference(s, moved).y, in.dy);
    };
  };
  expect_close(want.dx, differences(loss_of(&Inputs::x), in.x), {1e-6, 1e-8}, "dx");
  expect_close(want.dw, differences(loss_of(&Inputs::w), in.w), {1e-6, 1e-8}, "dw");
  expect_close(want.db, differences(loss_of(&Inputs::b), in.b), {1e-6, 1e-8}, "db");
}

TEST(Linear, SameBitsWithAnyNumberOfThreads) {
  for (DType dtype : {DType::f32, DType::bf16})
    for (const LinearShape& s : {LinearShape{64, 512, 150}, {1, 2048, 1000}, {300, 90, 7}}) {
      const Inputs in = make_inputs(s, dtype);
      expect_same_bits_with_two_threads([&] {
        std::vector<uint8_t> bits;
        kernel(s, in, Device::cpu, dtype, &bits);
        return bits;
      });
    }
}

TEST(Linear, NaNStaysInItsRow) {
  const LinearShape s{6, 20, 9};
  Inputs in = make_inputs(s, DType::f32);
  in.x[2 * 20 + 19] = double(kNaN);
  const Result got = kernel(s, in, Device::cpu, DType::f32);
  for (std::size_t i = 0; i < got.y.size(); ++i) EXPECT_EQ(std::isnan(got.y[i]), i / 9 == 2) << i;
}

TEST(Linear, RefusesF16) {
  const LinearShape s{1, 1, 1};
  EXPECT_THROW(linear_cpu.forward(s, DType::f16, nullptr, nullptr, nullptr, nullptr), std::logic_error);
  EXPECT_THROW(linear_cpu.backward_data(s, DType::f16, nullptr, nullptr, nullptr), std::logic_error);
}

TEST(Linear, GpuMatchesReference) {
  PC_NEEDS_GPU();
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) check_many(Device::cuda, dtype);
}

}  // namespace
}  // namespace pc::test
