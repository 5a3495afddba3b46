// norm_pool against plain f64 loops, and against the two ops that it fuses.
#include "kernels/norm_pool/norm_pool.h"

#include "tests/ops/norm_reference.h"

namespace pc::test {
namespace {

constexpr float kMomentum = 0.3f, kEps = 0.02f;

NormInputs make_inputs(const NormPoolShape& s, DType dtype) {
  return norm_inputs(s.norm().rows * s.pool.c, s.y_size(), s.pool.c, dtype, 0.5);
}

NormOutputs reference(const NormPoolShape& shape, bool training, const NormInputs& in) {
  NormOutputs out = norm_moments(in, training, kMomentum, kEps);
  const MaxPoolShape& s = shape.pool;
  Values z, g(in.x.size());
  for (std::size_t i = 0; i < in.x.size(); ++i) z.push_back(std::max(0.0, normalized(in, out, i).first));
  for (int n = 0; n < s.n; ++n)
    for (int p = 0; p < s.p(); ++p)
      for (int q = 0; q < s.q(); ++q)
        for (int c = 0; c < s.c; ++c) {
          std::size_t best = z.size();
          for (int r = 0; r < s.kernel_size; ++r)
            for (int i = 0; i < s.kernel_size; ++i) {
              const int h = p * s.stride + r - s.pad, w = q * s.stride + i - s.pad;
              if (h < 0 || w < 0 || h >= s.h || w >= s.w) continue;
              const auto at = std::size_t(((int64_t(n) * s.h + h) * s.w + w) * s.c + c);
              if (best == z.size() || z[at] > z[best]) best = at;
            }
          if (z[best] > 0) g[best] += in.dy[out.y.size()];
          out.y.push_back(z[best]);
        }
  norm_gradients(in, training, g, out);
  return out;
}

NormOutputs kernel(const NormPoolShape& s, bool training, const NormInputs& in, Device device, DType dtype,
                   std::vector<uint8_t>* bits = nullptr) {
  const NormPoolKernels& table = PC_KERNELS(norm_pool, device);
  const NormArrays a(in, device, dtype);
  const Array saved(device, DType::u8, table.saved_bytes(s));
  table.forward(s, dtype,
                {.x = a.x.data(),
                 .gamma = a.gamma.as<float>(),
                 .beta = a.beta.as<float>(),
                 .eps = kEps,
                 .momentum = kMomentum,
                 .training = training,
                 .running_mean = a.running_mean.as<float>(),
                 .running_var = a.running_var.as<float>(),
                 .y = a.y.data(),
                 .mean = a.mean.as<float>(),
                 .invstd = a.invstd.as<float>(),
                 .saved = saved.as<uint8_t>()});
  table.backward(s, dtype,
                 {.dy = a.dy.data(),
                  .x = a.x.data(),
                  .y = a.y.data(),
                  .gamma = a.gamma.as<float>(),
                  .beta = a.beta.as<float>(),
                  .mean = a.mean.as<float>(),
                  .invstd = a.invstd.as<float>(),
                  .saved = saved.as<uint8_t>(),
                  .training = training,
                  .dx = a.dx.data(),
                  .dgamma = a.dgamma.as<float>(),
                  .dbeta = a.dbeta.as<float>()});
  if (bits) *bits = joined({&a.y, &a.dx, &a.dgamma, &a.dbeta, &a.running_var});
  return a.values(false);
}

NormOutputs two_ops(const NormPoolShape& s, bool training, const NormInputs& in, Device device, DType dtype) {
  const BatchNormKernels& norm = PC_KERNELS(batch_norm, device);
  const MaxPoolKernels& pool = PC_KERNELS(max_pool, device);
  const NormArrays a(in, device, dtype);
  const auto x_size = int64_t(in.x.size());
  const Array z(device, dtype, x_size), dz(device, dtype, x_size), mask(device, DType::u8, s.norm().mask_bytes()),
      index(device, DType::u8, s.y_size());
  BatchNormForward forward = a.forward(kEps, kMomentum);
  forward.activation = Activation::relu, forward.y = z.data(), forward.mask = mask.as<uint8_t>();
  (training ? norm.forward_train : norm.forward_eval)(s.norm(), dtype, forward);
  pool.forward(s.pool, dtype, z.data(), a.y.data(), index.as<uint8_t>());
  pool.backward(s.pool, dtype, a.dy.data(), index.as<uint8_t>(), dz.data());
  BatchNormBackward backward = a.backward();
  backward.dy = dz.data(), backward.activation = Activation::relu, backward.mask = mask.as<uint8_t>(),
  backward.training = training;
  norm.backward(s.norm(), dtype, backward);
  return a.values(false);
}

const NormPoolShape kShapes[] = {{{.n = 2, .h = 12, .w = 10, .c = 64}},
                                 {{.n = 1, .h = 7, .w = 9, .c = 5}},
                                 {{.n = 3, .h = 1, .w = 1, .c = 17}},
                                 {{.n = 2, .h = 8, .w = 6, .c = 33, .kernel_size = 2, .stride = 2, .pad = 0}},
                                 {{.n = 1, .h = 9, .w = 9, .c = 8, .kernel_size = 3, .stride = 1, .pad = 1}},
                                 {{.n = 1, .h = 20, .w = 17, .c = 3, .kernel_size = 5, .stride = 3, .pad = 2}},
                                 {{.n = 1, .h = 5, .w = 5, .c = 4, .kernel_size = 2, .stride = 3, .pad = 0}}};

std::string text_of(const NormPoolShape& s, bool training) {
  return "x [" + std::to_string(s.pool.n) + ", " + std::to_string(s.pool.h) + ", " + std::to_string(s.pool.w) + ", " +
         std::to_string(s.pool.c) + "] window " + std::to_string(s.pool.kernel_size) + (training ? " training" : "");
}

void check(Device device) {
  for (const NormPoolShape& s : kShapes)
    for (const bool training : {true, false}) {
      SCOPED_TRACE(text_of(s, training));
      const NormInputs in = make_inputs(s, DType::f32);
      const NormOutputs want = reference(s, training, in), got = kernel(s, training, in, device, DType::f32);
      const Tolerance near{1e-5, 1e-5}, sums{1e-5, 1e-6 * double(s.norm().rows) + 1e-5};
      expect_close(got.y, want.y, near, "y");
      expect_close(got.mean, want.mean, near, "mean");
      expect_close(got.invstd, want.invstd, near, "invstd");
      expect_close(got.running_mean, want.running_mean, near, "running mean");
      expect_close(got.running_var, want.running_var, near, "running variance");
      expect_close(got.dgamma, want.dgamma, sums, "dgamma");
      expect_close(got.dbeta, want.dbeta, sums, "dbeta");
      expect_close(got.dx, want.dx, {1e-4, 3e-5}, "dx");
    }
}

// In 16 bits many values are equal, and which of them is first must be seen alike. The two ops round the gradient
// between them.
void check_ties(Device device, DType dtype) {
  for (const NormPoolShape& s : kShapes)
    for (const bool training : {true, false}) {
      SCOPED_TRACE(text_of(s, training) + " " + name_of(dtype));
      const NormInputs in = make_inputs(s, dtype);
      const NormOutputs want = two_ops(s, training, in, device, dtype), got = kernel(s, training, in, device, dtype);
      expect_close(got.y, want.y, {0, 0}, "y");
      expect_close(got.dgamma, want.dgamma, tolerance(dtype, 2 * double(s.norm().rows)), "dgamma");
      expect_close(got.dbeta, want.dbeta, tolerance(dtype, 2 * double(s.norm().rows)), "dbeta");
      expect_close(got.dx, want.dx, tolerance(dtype, 4), "dx");
    }
}

TEST(NormPool, MatchesReference) { check(Device::cpu); }
TEST(NormPool, MatchesTheTwoOpsBf16) { check_ties(Device::cpu, DType::bf16); }

TEST(NormPool, ReferenceGradientIsTheDerivative) {
  const NormPoolShape s{{.n = 1, .h = 6, .w = 5, .c = 3}};
  for (const bool training : {true, false})
    expect_derivatives(make_inputs(s, DType::f32), [&](const NormInputs& in) { return reference(s, training, in); });
}

TEST(NormPool, SameBitsWithAnyNumberOfThreads) {
  const NormPoolShape s{{.n = 6, .h = 30, .w = 30, .c = 40}};
  const NormInputs in = make_inputs(s, DType::f32);
  expect_same_bits_with_two_threads([&] {
    std::vector<uint8_t> bits;
    kernel(s, true, in, Device::cpu, DType::f32, &bits);
    return bits;
  });
}

// Where NaN comes in, NaN goes out and no gradient comes back.
void check_nan(Device device) {
  const NormPoolShape s{{.n = 1, .h = 6, .w = 6, .c = 8}};
  NormInputs in = make_inputs(s, DType::f32);
  in.x[(2 * 6 + 3) * 8 + 4] = double(kNaN);
  const NormOutputs want = two_ops(s, false, in, device, DType::f32), got = kernel(s, false, in, device, DType::f32);
  EXPECT_EQ(std::count_if(got.y.begin(), got.y.end(), [](double y) { return std::isnan(y); }), 2);
  expect_close(got.y, want.y, {0, 0}, "y");
  expect_close(got.dx, want.dx, tolerance(DType::f32), "dx");
}

TEST(NormPool, NaNComesThrough) { check_nan(Device::cpu); }

TEST(NormPool, Gpu) {
  PC_NEEDS_GPU();
  check(Device::cuda);
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) check_ties(Device::cuda, dtype);
  check_nan(Device::cuda);
  const OffAlignment off;
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) check_ties(Device::cuda, dtype);
}

}  // namespace
}  // namespace pc::test
