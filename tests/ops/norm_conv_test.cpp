// norm_conv against plain f64 loops: output, sums, statistics and all gradients, on the GPU; and the error of 16-bit scales and shifts.
#include "kernels/norm_conv/norm_conv.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

struct Case {
  Conv2dShape shape;
  double mean = 0.5;  // of x, whose deviation is 1.5
  bool sums = true, branches = false;
  int64_t rows() const { return int64_t(shape.n) * shape.h * shape.w; }
  int64_t x_size() const { return rows() * shape.c; }
  int64_t y_size() const { return int64_t(shape.n) * shape.p() * shape.q() * shape.k; }
  int64_t w_size() const { return int64_t(shape.k) * shape.r * shape.s * shape.c; }
};

struct Inputs {
  Values x, w, dy, gamma, beta, running_mean, running_var;
};

struct Outputs {
  Values y, sums, running_mean, running_var, dx, dgamma, dbeta, dw;
  double largest_invstd = 0;
};

Values f16(const Values& v) { return rounded(v, DType::f16); }

Inputs make_inputs(const Case& t) {
  const int c = t.shape.c;
  return {.x = f16(random_values(t.x_size(), 1, 1.5, t.mean)),
          .w = f16(random_values(t.w_size(), 2, 0.25)),
          .dy = f16(random_values(t.y_size(), 3, 0.25)),
          .gamma = random_values(c, 4, 0.3, 1),
          .beta = random_values(c, 5, 0.5),
          .running_mean = random_values(c, 6),
          .running_var = random_values(c, 7, 0.1, 1)};
}

// Calls f(index in x, index in w, index in y) for every product of the convolution.
template <class F>
void each_product(const Conv2dShape& s, F f) {
  for (int64_t o = 0; o < int64_t(s.n) * s.p() * s.q(); ++o)
    for (int64_t tap = 0; tap < int64_t(s.r) * s.s; ++tap) {
      const int64_t h = o / s.q() % s.p() * s.stride + tap / s.s - s.pad.top,
                    v = o % s.q() * s.stride + tap % s.s - s.pad.left;
      if (h < 0 || h >= s.h || v < 0 || v >= s.w) continue;
      const int64_t in = (o / s.q() / s.p() * s.h + h) * s.w + v;
      for (int64_t k = 0; k < s.k; ++k)
        for (int64_t c = 0; c < s.c; ++c)
          f(std::size_t(in * s.c + c), std::size_t((k * s.r * s.s + tap) * s.c + c), std::size_t(o * s.k + k));
    }
}

struct Statistics {
  Values mean, var;
};
Statistics statistics(const Values& x, std::size_t c) {
  Statistics s{Values(c), Values(c)};
  const double m = double(x.size() / c);
  for (std::size_t i = 0; i < x.size(); ++i) s.mean[i % c] += x[i] / m;
  for (std::size_t i = 0; i < x.size(); ++i) s.var[i % c] += std::pow(x[i] - s.mean[i % c], 2) / m;
  return s;
}

// With the roundings that the header tells of (scale, shift, z and the gradient of the norm's output), or without any.
Outputs reference(const Case& t, const Inputs& in, bool rounds) {
  const auto to_f16 = [&](Values v) { return rounds ? f16(v) : v; };
  const std::size_t c = std::size_t(t.shape.c);
  const double m = double(t.rows());
  const Statistics of_x = statistics(in.x, c);
  Outputs out{.running_mean = in.running_mean, .running_var = in.running_var, .dgamma = Values(c), .dbeta = Values(c)};
  Values invstd(c), scale(c), shift(c);
  for (std::size_t j = 0; j < c; ++j) {
    invstd[j] = 1 / std::sqrt(of_x.var[j] + 1e-5);
    out.largest_invstd = std::max(out.largest_invstd, invstd[j]);
    scale[j] = in.gamma[j] * invstd[j];
    out.running_mean[j] += 0.1 * (of_x.mean[j] - in.running_mean[j]);
    out.running_var[j] += 0.1 * (of_x.var[j] * m / (m - 1) - in.running_var[j]);
  }
  scale = to_f16(scale);
  for (std::size_t j = 0; j < c; ++j) shift[j] = in.beta[j] - of_x.mean[j] * scale[j];
  shift = to_f16(shift);

  Values z(in.x.size()), g(in.x.size());
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = std::max(0.0, in.x[i] * scale[i % c] + shift[i % c]);
  const Values conv_input = to_f16(z);
  out.y.resize(in.dy.size()), out.dw.resize(in.w.size());
  each_product(t.shape, [&](auto i, auto j, auto o) {
    out.y[o] += conv_input[i] * in.w[j];
    out.dw[j] += conv_input[i] * in.dy[o];
    if (z[i] > 0) g[i] += in.w[j] * in.dy[o];
  });
  const Statistics of_y = statistics(out.y, std::size_t(t.shape.k));
  const double places = double(t.y_size() / t.shape.k);
  for (const double mean : of_y.mean) out.sums.push_back(mean * places);
  for (std::size_t k = 0; k < of_y.mean.size(); ++k)
    out.sums.push_back((of_y.var[k] + of_y.mean[k] * of_y.mean[k]) * places);

  for (std::size_t i = 0; i < g.size(); ++i) {
    out.dbeta[i % c] += g[i];
    out.dgamma[i % c] += g[i] * (in.x[i] - of_x.mean[i % c]) * invstd[i % c];
  }
  out.dx = to_f16(g);
  for (std::size_t i = 0; i < g.size(); ++i) {
    const std::size_t j = i % c;
    const double through = out.dbeta[j] + (in.x[i] - of_x.mean[j]) * invstd[j] * out.dgamma[j];
    out.dx[i] = in.gamma[j] * invstd[j] * (out.dx[i] - through / m);
  }
  return out;
}

Values sums_of(const Values& x, std::size_t c) {
  Values sums(2 * c);
  for (std::size_t i = 0; i < x.size(); ++i) sums[i % c] += x[i], sums[c + i % c] += x[i] * x[i];
  return sums;
}

// The tensors of a case on the GPU.
struct OnDevice {
  Array x, w, dy, gamma, beta, running_mean, running_var, x_sums;
  Array y, y_sums, saved, dx, dgamma, dbeta, dw;
  OnDevice(const Case& t, const Inputs& in)
      : x(Device::cuda, DType::f16, in.x),
        w(Device::cuda, DType::f16, in.w),
        dy(Device::cuda, DType::f16, in.dy),
        gamma(Device::cuda, DType::f32, in.gamma),
        beta(Device::cuda, DType::f32, in.beta),
        running_mean(Device::cuda, DType::f32, in.running_mean),
        running_var(Device::cuda, DType::f32, in.running_var),
        x_sums(Device::cuda, DType::f32, sums_of(in.x, std::size_t(t.shape.c))),
        y(Device::cuda, DType::f16, t.y_size()),
        y_sums(Device::cuda, DType::f32, int64_t(t.shape.k) * 2),
        saved(Device::cuda, DType::f32, int64_t(t.shape.c) * kNormConvSavedRows),
        dx(Device::cuda, DType::f16, t.x_size()),
        dgamma(Device::cuda, DType::f32, int64_t(t.shape.c)),
        dbeta(Device::cuda, DType::f32, int64_t(t.shape.c)),
        dw(Device::cuda, DType::f32, t.w_size()) {}
  Outputs read() const {
    return {.y = y.values(),
            .sums = y_sums.values(),
            .running_mean = running_mean.values(),
            .running_var = running_var.values(),
            .dx = dx.values(),
            .dgamma = dgamma.values(),
            .dbeta = dbeta.values(),
            .dw = dw.values()};
  }
};

Outputs fused(const Case& t, const Inputs& in) {
  const NormConvKernels& kernels = PC_KERNELS(norm_conv, Device::cuda);
  const OnDevice d(t, in);
  EXPECT_TRUE(kernels.takes(t.shape, DType::f16));
  kernels.forward(t.shape, {.x = d.x.data(),
                            .gamma = d.gamma.as<float>(),
                            .beta = d.beta.as<float>(),
                            .eps = 1e-5f,
                            .momentum = 0.1f,
                            .running_mean = d.running_mean.as<float>(),
                            .running_var = d.running_var.as<float>(),
                            .sums = t.sums ? d.x_sums.as<float>() : nullptr,
                            .w = d.w.data(),
                            .y = d.y.data(),
                            .y_sums = d.y_sums.as<float>(),
                            .saved = d.saved.as<float>()});
  kernels.backward(t.shape, {.dy = d.dy.data(),
                             .x = d.x.data(),
                             .w = d.w.data(),
                             .gamma = d.gamma.as<float>(),
                             .saved = d.saved.as<float>(),
                             .branches = t.branches,
                             .dx = d.dx.data(),
                             .dgamma = d.dgamma.as<float>(),
                             .dbeta = d.dbeta.as<float>(),
                             .dw = d.dw.as<float>()});
  return d.read();
}

constexpr Conv2dShape kShapes[] = {{.n = 2, .h = 5, .w = 4, .c = 8, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 1},
                                   {.n = 3, .h = 7, .w = 6, .c = 16, .k = 8, .r = 3, .s = 3, .stride = 2, .pad = 1},
                                   {.n = 2, .h = 3, .w = 5, .c = 16, .k = 32, .r = 1, .s = 1, .stride = 1, .pad = 0},
                                   {.n = 2, .h = 5, .w = 5, .c = 8, .k = 8, .r = 1, .s = 1, .stride = 2, .pad = 0}};

TEST(NormConv, GpuMatchesReference) {
  PC_NEEDS_GPU();
  for (const Conv2dShape& s : kShapes)
    for (const double mean : {0.5, -15.0})  // at 10 deviations the rounded shift decides at many positions
      for (const bool sums : {true, false}) {
        const Case t{.shape = s, .mean = mean, .sums = sums, .branches = !sums};
        SCOPED_TRACE(testing::Message() << s.h << "x" << s.w << "x" << s.c << " " << s.k << "x" << s.r << "/"
                                        << s.stride << " mean " << mean << (sums ? " sums" : ""));
        const Inputs in = make_inputs(t);
        const Outputs want = reference(t, in, true), got = fused(t, in);
        expect_close(got.y, want.y, tolerance(DType::f16), "y");
        expect_close(got.sums, want.sums, {1e-3, 1e-2}, "sums");
        expect_close(got.running_mean, want.running_mean, tolerance(DType::f32), "running_mean");
        expect_close(got.running_var, want.running_var, tolerance(DType::f32), "running_var");
        expect_close(got.dw, want.dw, tolerance(DType::f16, 5), "dw");
        expect_close(got.dgamma, want.dgamma, tolerance(DType::f16, 5), "dgamma");
        expect_close(got.dbeta, want.dbeta, tolerance(DType::f16, 5), "dbeta");
        expect_close(got.dx, want.dx, tolerance(DType::f16, 5 * (1 + want.largest_invstd)), "dx");
      }
}

TEST(NormConv, ReferenceGradientIsTheDerivative) {
  const Case t{{.n = 2, .h = 4, .w = 3, .c = 2, .k = 3, .r = 3, .s = 3, .stride = 2, .pad = 1}};
  const Inputs in = make_inputs(t);
  const Outputs at = reference(t, in, false);
  const auto expect_slope = [&](Values Inputs::*input, const Values& slope, const char* what) {
    const auto loss = [&](const Values& v) {
      Inputs moved = in;
      moved.*input = v;
      return dot(reference(t, moved, false).y, in.dy);
    };
    expect_close(slope, differences(loss, in.*input), {1e-5, 1e-7}, what);
  };
  expect_slope(&Inputs::x, at.dx, "dx");
  expect_slope(&Inputs::w, at.dw, "dw");
  expect_slope(&Inputs::gamma, at.dgamma, "dgamma");
  expect_slope(&Inputs::beta, at.dbeta, "dbeta");
}

double distance(const Values& a, const Values& b) {
  Values off(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) off[i] = a[i] - b[i];
  return std::sqrt(dot(off, off) / dot(b, b));
}

// A mean far from 0 needs a large shift, which 16 bits represent to 2^-12 of itself.
TEST(NormConv, GpuAFarMeanCostsTheShiftsRounding) {
  PC_NEEDS_GPU();
  for (const double ratio : {0.0, 1.0, 3.0, 10.0, 30.0}) {
    const Case t{.shape = {.n = 4, .h = 8, .w = 8, .c = 16, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 1},
                 .mean = 1.5 * ratio};
    const Inputs in = make_inputs(t);
    const Outputs exact = reference(t, in, false), one = fused(t, in);
    EXPECT_LT(distance(one.y, exact.y), 5e-4 * (1 + ratio));
    EXPECT_LT(distance(one.dw, exact.dw), 5e-4 * (1 + ratio));
    EXPECT_LT(distance(one.dx, exact.dx), 0.02 * (1 + std::sqrt(ratio))) << "places near 0 change sides";
  }
}

// No variance: the scale would be 316 times gamma, and with a large mean the shift beyond f16.
TEST(NormConv, GpuAChannelOfOneValueStaysFinite) {
  PC_NEEDS_GPU();
  for (const double value : {300.0, -300.0}) {
    const Case t{kShapes[0]};
    Inputs in = make_inputs(t);
    for (std::size_t i = 0; i < in.x.size(); i += std::size_t(t.shape.c)) in.x[i] = value;
    const Outputs got = fused(t, in);
    for (const Values* values : {&got.y, &got.dx, &got.dw, &got.dgamma, &got.dbeta})
      for (const double v : *values) ASSERT_TRUE(std::isfinite(v)) << value;
  }
}

TEST(NormConv, GpuSaysWhatItCannot) {
  EXPECT_FALSE(norm_conv_cpu.takes(kShapes[0], DType::f32));
  PC_NEEDS_GPU();
  const NormConvKernels& kernels = PC_KERNELS(norm_conv, Device::cuda);
  Conv2dShape odd = kShapes[0], none = kShapes[0];
  odd.c = 12, none.n = 0;
  EXPECT_TRUE(kernels.takes(kShapes[0], DType::f16));
  EXPECT_FALSE(kernels.takes(kShapes[0], DType::bf16));
  EXPECT_FALSE(kernels.takes(kShapes[0], DType::f32));
  EXPECT_FALSE(kernels.takes(odd, DType::f16));
  EXPECT_FALSE(kernels.takes(none, DType::f16));
}

}  // namespace
}  // namespace pc::test
