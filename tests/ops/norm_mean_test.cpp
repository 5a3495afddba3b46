// norm_mean against plain f64 loops: training, evaluation, residual, gradients, threads, NaN, CPU and GPU.
#include "kernels/norm_mean/norm_mean.h"

#include "tests/ops/norm_reference.h"

namespace pc::test {
namespace {

constexpr float kMomentum = 0.3f, kEps = 0.02f;

struct Case {
  NormMeanShape shape;
  bool residual = false, training = true;
  int64_t x_size() const { return shape.norm().rows * shape.c; }
  int64_t y_size() const { return int64_t(shape.n) * shape.c; }
};

NormInputs make_inputs(const Case& t, DType dtype) {
  return norm_inputs(t.x_size(), t.y_size(), t.shape.c, dtype, 0.5);
}

NormOutputs reference(const Case& t, const NormInputs& in) {
  NormOutputs out = norm_moments(in, t.training, kMomentum, kEps);
  const auto c = std::size_t(t.shape.c), hw = std::size_t(t.shape.hw);
  out.y.resize(in.dy.size());
  for (std::size_t i = 0; i < in.x.size(); ++i) {
    const std::size_t picture = i / c / hw * c + i % c;
    const double z = normalized(in, out, i).first + (t.residual ? in.residual[i] : 0);
    out.y[picture] += (z < 0 ? 0 : z) / double(hw);
    out.dresidual.push_back(z > 0 ? in.dy[picture] / double(hw) : 0);
  }
  norm_gradients(in, t.training, out.dresidual, out);
  if (!t.residual) out.dresidual.clear();
  return out;
}

NormOutputs kernel(const Case& t, const NormInputs& in, Device device, DType dtype,
                   std::vector<uint8_t>* bits = nullptr) {
  const NormMeanKernels& table = PC_KERNELS(norm_mean, device);
  const NormArrays a(in, device, dtype);
  const Array again(device, dtype, t.y_size()), saved(device, DType::f32, (table.saved_bytes(t.shape) + 3) / 4);
  const auto run = t.training ? table.forward_train : table.forward_eval;
  BatchNormForward forward = a.forward(kEps, kMomentum);
  forward.residual = t.residual ? a.residual.data() : nullptr;
  forward.mask = saved.as<uint8_t>();
  run(t.shape, dtype, forward);
  BatchNormBackward backward = a.backward();
  backward.mask = saved.as<uint8_t>();
  backward.training = t.training;
  backward.dresidual = t.residual ? a.dresidual.data() : nullptr;
  table.backward(t.shape, dtype, backward);
  const NormOutputs out = a.values(t.residual);
  if (bits) *bits = a.bytes();
  forward.y = again.data(), forward.mask = nullptr;
  if (!t.training) {
    run(t.shape, dtype, forward);
    EXPECT_EQ(again.bytes(), a.y.bytes()) << "with nothing saved";
  }
  return out;
}

void check(Device device, DType dtype) {
  for (const NormMeanShape& s :
       {NormMeanShape{3, 6, 64}, {2, 49, 17}, {5, 1, 8}, {1, 30, 5}, {2, 9, 264}, {17, 4, 3}, {1, 300, 16}})
    for (const bool residual : {true, false})
      for (const bool training : {true, false}) {
        SCOPED_TRACE(testing::Message() << "[" << s.n << ", " << s.hw << ", " << s.c << "] " << name_of(dtype)
                                        << (residual ? " residual" : "") << (training ? " training" : ""));
        const Case t{s, residual, training};
        const NormInputs in = make_inputs(t, dtype);
        const NormOutputs want = reference(t, in), got = kernel(t, in, device, dtype);
        const double largest = *std::max_element(want.invstd.begin(), want.invstd.end());
        expect_close(got.y, want.y, tolerance(dtype), "y");
        expect_close(got.mean, want.mean, tolerance(DType::f32), "mean");
        expect_close(got.invstd, want.invstd, {2e-5, 0}, "invstd");
        expect_close(got.running_mean, want.running_mean, tolerance(DType::f32), "running_mean");
        expect_close(got.running_var, want.running_var, tolerance(DType::f32), "running_var");
        expect_close(got.dresidual, want.dresidual, tolerance(dtype, 0.01), "dresidual");
        // On the CPU g has been rounded to the type, alike everywhere in an image.
        expect_close(got.dgamma, want.dgamma, tolerance(dtype, 10 * std::sqrt(s.n)), "dgamma");
        expect_close(got.dbeta, want.dbeta, tolerance(dtype, 10 * std::sqrt(s.n)), "dbeta");
        expect_close(got.dx, want.dx, tolerance(dtype, 1 + largest), "dx");
      }
}

// Where NaN comes in, the mean is NaN and no gradient comes back.
void check_nan(Device device) {
  const Case t{{2, 6, 16}, true, false};
  NormInputs in = make_inputs(t, DType::f32);
  const std::size_t at = (6 + 3) * 16 + 4;  // in the second image
  in.x[at] = double(kNaN);
  const NormOutputs want = reference(t, in), got = kernel(t, in, device, DType::f32);
  for (std::size_t i = 0; i < got.y.size(); ++i) EXPECT_EQ(std::isnan(got.y[i]), i == 16 + 4) << i;
  EXPECT_EQ(got.dx[at], 0);
  expect_close(got.dx, want.dx, tolerance(DType::f32), "dx");
}

TEST(NormMean, MatchesReferenceF32) { check(Device::cpu, DType::f32); }
TEST(NormMean, MatchesReferenceBf16) { check(Device::cpu, DType::bf16); }
TEST(NormMean, NaNStaysInItsMean) { check_nan(Device::cpu); }

TEST(NormMean, ReferenceGradientIsTheDerivative) {
  for (const bool training : {true, false}) {
    const Case t{{2, 6, 5}, true, training};
    expect_derivatives(make_inputs(t, DType::f32), [&](const NormInputs& in) { return reference(t, in); });
  }
}

TEST(NormMean, SameBitsWithAnyNumberOfThreads) {
  const Case t{{40, 30, 40}, true, true};
  const NormInputs in = make_inputs(t, DType::f32);
  expect_same_bits_with_two_threads([&] {
    std::vector<uint8_t> bits;
    kernel(t, in, Device::cpu, DType::f32, &bits);
    return bits;
  });
}

TEST(NormMean, Gpu) {
  PC_NEEDS_GPU();
  check_nan(Device::cuda);
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    check(Device::cuda, dtype);
    const OffAlignment off;
    check(Device::cuda, dtype);
  }
}

}  // namespace
}  // namespace pc::test
