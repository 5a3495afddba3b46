// norm_pool against plain f64 loops, and against the two ops that it fuses.
#include "kernels/norm_pool/norm_pool.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

constexpr float kMomentum = 0.3f;  // not the default

struct Inputs {
  Values x, gamma, beta, running_mean, running_var, dy;
};

struct Outputs {
  Values y, mean, invstd, running_mean, running_var, dx, dgamma, dbeta;
};

int64_t x_size(const NormPoolShape& s) { return s.norm().rows * s.pool.c; }

Inputs make_inputs(const NormPoolShape& s, DType dtype) {
  const int64_t c = s.pool.c;
  return {.x = rounded(random_values(x_size(s), 1, 1.5, 0.5), dtype),
          .gamma = random_values(c, 2, 0.3, 1),
          .beta = random_values(c, 3, 0.5),
          .running_mean = random_values(c, 4),
          .running_var = random_values(c, 5, 0.1, 1),
          .dy = rounded(random_values(s.y_size(), 6), dtype)};
}

// z of the whole map, with the moments.
Values normalized(const NormPoolShape& s, bool training, const Inputs& in, Outputs& out) {
  const auto rows = std::size_t(s.norm().rows), c = std::size_t(s.pool.c);
  out.running_mean = in.running_mean, out.running_var = in.running_var;
  Values z(rows * c);
  for (std::size_t j = 0; j < c; ++j) {
    double mean = 0, var = 0;
    for (std::size_t i = 0; i < rows; ++i) mean += in.x[i * c + j] / double(rows);
    for (std::size_t i = 0; i < rows; ++i) var += (in.x[i * c + j] - mean) * (in.x[i * c + j] - mean) / double(rows);
    if (training) {
      out.running_mean[j] += double(kMomentum) * (mean - in.running_mean[j]);
      out.running_var[j] += double(kMomentum) * (var * double(rows) / double(rows - 1) - in.running_var[j]);
    } else {
      mean = in.running_mean[j], var = in.running_var[j];
    }
    out.mean.push_back(mean);
    out.invstd.push_back(1 / std::sqrt(var + double(s.eps)));
    for (std::size_t i = 0; i < rows; ++i)
      z[i * c + j] = std::max(0.0, in.gamma[j] * (in.x[i * c + j] - mean) * out.invstd[j] + in.beta[j]);
  }
  return z;
}

Outputs reference(const NormPoolShape& shape, bool training, const Inputs& in) {
  Outputs out;
  const MaxPoolShape& s = shape.pool;
  const Values z = normalized(shape, training, in, out);
  Values g(z.size());
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
  const auto c = std::size_t(s.c);
  const double m = double(shape.norm().rows);
  out.dgamma.resize(c), out.dbeta.resize(c), out.dx.resize(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) {
    out.dbeta[i % c] += g[i];
    out.dgamma[i % c] += g[i] * (in.x[i] - out.mean[i % c]) * out.invstd[i % c];
  }
  for (std::size_t i = 0; i < z.size(); ++i) {
    const std::size_t j = i % c;
    const double xhat = (in.x[i] - out.mean[j]) * out.invstd[j];
    out.dx[i] = in.gamma[j] * out.invstd[j] * (g[i] - (training ? out.dbeta[j] / m + xhat * out.dgamma[j] / m : 0));
  }
  return out;
}

// The arrays of one call, on a device.
struct Arrays {
  Arrays(const NormPoolShape& s, const Inputs& in, Device device, DType dtype)
      : x(device, dtype, in.x),
        dy(device, dtype, in.dy),
        gamma(device, DType::f32, in.gamma),
        beta(device, DType::f32, in.beta),
        running_mean(device, DType::f32, in.running_mean),
        running_var(device, DType::f32, in.running_var),
        y(device, dtype, s.y_size()),
        dx(device, dtype, x_size(s)),
        mean(device, DType::f32, s.pool.c),
        invstd(device, DType::f32, s.pool.c),
        dgamma(device, DType::f32, s.pool.c),
        dbeta(device, DType::f32, s.pool.c) {}
  Outputs values() const {
    return {.y = y.values(),
            .mean = mean.values(),
            .invstd = invstd.values(),
            .running_mean = running_mean.values(),
            .running_var = running_var.values(),
            .dx = dx.values(),
            .dgamma = dgamma.values(),
            .dbeta = dbeta.values()};
  }
  Array x, dy, gamma, beta, running_mean, running_var, y, dx, mean, invstd, dgamma, dbeta;
};

Outputs kernel(const NormPoolShape& s, bool training, const Inputs& in, Device device, DType dtype) {
  const NormPoolKernels& table = PC_KERNELS(norm_pool, device);
  const Arrays a(s, in, device, dtype);
  const Array saved(device, DType::u8, table.saved_bytes(s));
  table.forward(s, dtype,
                {.x = a.x.data(),
                 .gamma = a.gamma.as<float>(),
                 .beta = a.beta.as<float>(),
                 .training = training,
                 .momentum = kMomentum,
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
  return a.values();
}

Outputs two_ops(const NormPoolShape& s, bool training, const Inputs& in, Device device, DType dtype) {
  const BatchNormKernels& norm = PC_KERNELS(batch_norm, device);
  const MaxPoolKernels& pool = PC_KERNELS(max_pool, device);
  const Arrays a(s, in, device, dtype);
  const Array z(device, dtype, x_size(s)), dz(device, dtype, x_size(s)), mask(device, DType::u8, s.norm().mask_bytes()),
      index(device, DType::u8, s.y_size());
  (training ? norm.forward_train : norm.forward_eval)(s.norm(), dtype,
                                                      {.x = a.x.data(),
                                                       .gamma = a.gamma.as<float>(),
                                                       .beta = a.beta.as<float>(),
                                                       .relu = true,
                                                       .momentum = kMomentum,
                                                       .running_mean = a.running_mean.as<float>(),
                                                       .running_var = a.running_var.as<float>(),
                                                       .y = z.data(),
                                                       .mean = a.mean.as<float>(),
                                                       .invstd = a.invstd.as<float>(),
                                                       .mask = mask.as<uint8_t>()});
  pool.forward(s.pool, dtype, z.data(), a.y.data(), index.as<uint8_t>());
  pool.backward(s.pool, dtype, a.dy.data(), index.as<uint8_t>(), dz.data());
  norm.backward(s.norm(), dtype,
                {.dy = dz.data(),
                 .x = a.x.data(),
                 .gamma = a.gamma.as<float>(),
                 .mean = a.mean.as<float>(),
                 .invstd = a.invstd.as<float>(),
                 .mask = mask.as<uint8_t>(),
                 .training = training,
                 .dx = a.dx.data(),
                 .dgamma = a.dgamma.as<float>(),
                 .dbeta = a.dbeta.as<float>()});
  return a.values();
}

const NormPoolShape kShapes[] = {{{.n = 2, .h = 12, .w = 10, .c = 64}, 0.02f},
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
      const Inputs in = make_inputs(s, DType::f32);
      const Outputs want = reference(s, training, in), got = kernel(s, training, in, device, DType::f32);
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
      const Inputs in = make_inputs(s, dtype);
      const Outputs want = two_ops(s, training, in, device, dtype), got = kernel(s, training, in, device, dtype);
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
  for (const bool training : {true, false}) {
    Inputs in = make_inputs(s, DType::f32);
    const Outputs at = reference(s, training, in);
    const auto loss = [&](Values Inputs::*member) {
      return [&, member](const Values& v) {
        Inputs moved = in;
        moved.*member = v;
        return dot(reference(s, training, moved).y, in.dy);
      };
    };
    expect_close(at.dx, differences(loss(&Inputs::x), in.x), {1e-5, 1e-7}, "dx");
    expect_close(at.dgamma, differences(loss(&Inputs::gamma), in.gamma), {1e-5, 1e-7}, "dgamma");
    expect_close(at.dbeta, differences(loss(&Inputs::beta), in.beta), {1e-5, 1e-7}, "dbeta");
  }
}

TEST(NormPool, SameBitsWithAnyNumberOfThreads) {
  const NormPoolShape s{{.n = 6, .h = 30, .w = 30, .c = 40}};
  const Inputs in = make_inputs(s, DType::f32);
  expect_same_bits_with_two_threads([&] {
    const Outputs out = kernel(s, true, in, Device::cpu, DType::f32);
    std::vector<uint8_t> bytes;
    for (const Values* values : {&out.y, &out.dx, &out.dgamma, &out.dbeta, &out.running_var}) {
      const auto* first = reinterpret_cast<const uint8_t*>(values->data());
      bytes.insert(bytes.end(), first, first + values->size() * sizeof(double));
    }
    return bytes;
  });
}

// Where NaN comes in, NaN goes out and no gradient comes back.
void check_nan(Device device) {
  const NormPoolShape s{{.n = 1, .h = 6, .w = 6, .c = 8}};
  Inputs in = make_inputs(s, DType::f32);
  in.x[(2 * 6 + 3) * 8 + 4] = double(kNaN);
  const Outputs want = two_ops(s, false, in, device, DType::f32), got = kernel(s, false, in, device, DType::f32);
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
