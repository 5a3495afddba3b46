// norm_mean against plain f64 loops: training, evaluation, residual, gradients, threads, NaN, CPU and GPU.
#include "kernels/norm_mean/norm_mean.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

constexpr float kMomentum = 0.3f;  // not the default

struct Case {
  NormMeanShape shape;
  bool residual = false, training = true;
  int64_t x_size() const { return shape.norm().rows * shape.c; }
  int64_t y_size() const { return int64_t(shape.n) * shape.c; }
};

struct Inputs {
  Values x, residual, gamma, beta, running_mean, running_var, dy;
};

struct Outputs {
  Values y, mean, invstd, running_mean, running_var, dx, dresidual, dgamma, dbeta;
};

Inputs make_inputs(const Case& t, DType dtype) {
  const int c = t.shape.c;
  return {.x = rounded(random_values(t.x_size(), 1, 1.5, 0.5), dtype),
          .residual = rounded(random_values(t.x_size(), 2), dtype),
          .gamma = random_values(c, 3, 0.3, 1),
          .beta = random_values(c, 4, 0.5),
          .running_mean = random_values(c, 5),
          .running_var = random_values(c, 6, 0.1, 1),
          .dy = rounded(random_values(t.y_size(), 7), dtype)};
}

void moments(const Case& t, const Inputs& in, Outputs& out) {
  const auto rows = std::size_t(t.shape.norm().rows), c = std::size_t(t.shape.c);
  const double m = double(rows);
  out.running_mean = in.running_mean, out.running_var = in.running_var;
  out.mean = in.running_mean;
  Values var = in.running_var;
  for (std::size_t j = 0; j < c && t.training; ++j) {
    out.mean[j] = var[j] = 0;
    for (std::size_t i = 0; i < rows; ++i) out.mean[j] += in.x[i * c + j] / m;
    for (std::size_t i = 0; i < rows; ++i) var[j] += std::pow(in.x[i * c + j] - out.mean[j], 2) / m;
    out.running_mean[j] += double(kMomentum) * (out.mean[j] - in.running_mean[j]);
    out.running_var[j] += double(kMomentum) * (var[j] * m / (m - 1) - in.running_var[j]);
  }
  for (const double v : var) out.invstd.push_back(1 / std::sqrt(v + double(t.shape.eps)));
}

Outputs reference(const Case& t, const Inputs& in) {
  Outputs out;
  moments(t, in, out);
  const auto c = std::size_t(t.shape.c), hw = std::size_t(t.shape.hw);
  out.y.resize(in.dy.size()), out.dresidual.resize(in.x.size()), out.dx.resize(in.x.size());
  out.dgamma.resize(c), out.dbeta.resize(c);
  Values xhat(in.x.size());
  for (std::size_t i = 0; i < in.x.size(); ++i) {
    const std::size_t j = i % c, picture = i / c / hw * c + j;
    xhat[i] = (in.x[i] - out.mean[j]) * out.invstd[j];
    const double z = in.gamma[j] * xhat[i] + in.beta[j] + (t.residual ? in.residual[i] : 0);
    out.y[picture] += (z < 0 ? 0 : z) / double(hw);
    const double g = z > 0 ? in.dy[picture] / double(hw) : 0;
    out.dresidual[i] = g;
    out.dbeta[j] += g;
    out.dgamma[j] += g * xhat[i];
  }
  const double m = double(t.shape.norm().rows);
  for (std::size_t i = 0; i < in.x.size(); ++i) {
    const std::size_t j = i % c;
    const double through = t.training ? (out.dbeta[j] + xhat[i] * out.dgamma[j]) / m : 0;
    out.dx[i] = in.gamma[j] * out.invstd[j] * (out.dresidual[i] - through);
  }
  if (!t.residual) out.dresidual.clear();
  return out;
}

Outputs kernel(const Case& t, const Inputs& in, Device device, DType dtype) {
  const NormMeanKernels& table = PC_KERNELS(norm_mean, device);
  const Array x(device, dtype, in.x), residual(device, dtype, in.residual), dy(device, dtype, in.dy),
      gamma(device, DType::f32, in.gamma), beta(device, DType::f32, in.beta),
      running_mean(device, DType::f32, in.running_mean), running_var(device, DType::f32, in.running_var),
      y(device, dtype, t.y_size()), again(device, dtype, t.y_size()), dx(device, dtype, t.x_size()),
      dresidual(device, dtype, t.residual ? t.x_size() : 0), mean(device, DType::f32, t.shape.c),
      invstd(device, DType::f32, t.shape.c), dgamma(device, DType::f32, t.shape.c),
      dbeta(device, DType::f32, t.shape.c), saved(device, DType::f32, (table.saved_bytes(t.shape) + 3) / 4);
  const auto run = t.training ? table.forward_train : table.forward_eval;
  BatchNormForward forward{.x = x.data(),
                           .gamma = gamma.as<float>(),
                           .beta = beta.as<float>(),
                           .residual = t.residual ? residual.data() : nullptr,
                           .momentum = kMomentum,
                           .running_mean = running_mean.as<float>(),
                           .running_var = running_var.as<float>(),
                           .y = y.data(),
                           .mean = mean.as<float>(),
                           .invstd = invstd.as<float>(),
                           .mask = saved.as<uint8_t>()};
  run(t.shape, dtype, forward);
  table.backward(t.shape, dtype,
                 {.dy = dy.data(),
                  .x = x.data(),
                  .gamma = gamma.as<float>(),
                  .mean = mean.as<float>(),
                  .invstd = invstd.as<float>(),
                  .mask = saved.as<uint8_t>(),
                  .training = t.training,
                  .dx = dx.data(),
                  .dresidual = t.residual ? dresidual.data() : nullptr,
                  .dgamma = dgamma.as<float>(),
                  .dbeta = dbeta.as<float>()});
  const Outputs out{.y = y.values(),
                    .mean = mean.values(),
                    .invstd = invstd.values(),
                    .running_mean = running_mean.values(),
                    .running_var = running_var.values(),
                    .dx = dx.values(),
                    .dresidual = dresidual.values(),
                    .dgamma = dgamma.values(),
                    .dbeta = dbeta.values()};
  forward.y = again.data(), forward.mask = nullptr;
  if (!t.training) {
    run(t.shape, dtype, forward);
    EXPECT_EQ(again.bytes(), y.bytes()) << "with nothing saved";
  }
  return out;
}

void check(Device device, DType dtype) {
  for (const NormMeanShape& s :
       {NormMeanShape{3, 6, 64, 0.02f}, {2, 49, 17}, {5, 1, 8}, {1, 30, 5}, {2, 9, 264}, {17, 4, 3}, {1, 300, 16}})
    for (const bool residual : {true, false})
      for (const bool training : {true, false}) {
        SCOPED_TRACE(testing::Message() << "[" << s.n << ", " << s.hw << ", " << s.c << "] " << name_of(dtype)
                                        << (residual ? " residual" : "") << (training ? " training" : ""));
        const Case t{s, residual, training};
        const Inputs in = make_inputs(t, dtype);
        const Outputs want = reference(t, in), got = kernel(t, in, device, dtype);
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
  Inputs in = make_inputs(t, DType::f32);
  const std::size_t at = (6 + 3) * 16 + 4;  // in the second image
  in.x[at] = double(kNaN);
  const Outputs want = reference(t, in), got = kernel(t, in, device, DType::f32);
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
    const Inputs in = make_inputs(t, DType::f32);
    const Outputs at = reference(t, in);
    const auto expect_slope = [&](Values Inputs::*input, const Values& slope, const char* what) {
      const auto loss = [&](const Values& v) {
        Inputs moved = in;
        moved.*input = v;
        return dot(reference(t, moved).y, in.dy);
      };
      expect_close(slope, differences(loss, in.*input), {1e-5, 1e-7}, what);
    };
    expect_slope(&Inputs::x, at.dx, "dx");
    expect_slope(&Inputs::residual, at.dresidual, "dresidual");
    expect_slope(&Inputs::gamma, at.dgamma, "dgamma");
    expect_slope(&Inputs::beta, at.dbeta, "dbeta");
  }
}

TEST(NormMean, SameBitsWithAnyNumberOfThreads) {
  const Case t{{40, 30, 40}, true, true};
  const Inputs in = make_inputs(t, DType::f32);
  expect_same_bits_with_two_threads([&] {
    const Outputs out = kernel(t, in, Device::cpu, DType::f32);
    std::vector<uint8_t> bytes;
    for (const Values* values : {&out.y, &out.dx, &out.dresidual, &out.dgamma, &out.dbeta, &out.running_var}) {
      const auto* first = reinterpret_cast<const uint8_t*>(values->data());
      bytes.insert(bytes.end(), first, first + values->size() * sizeof(double));
    }
    return bytes;
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
