// What the tests of batch_norm and of the ops that fuse it share: inputs, moments and gradients in f64, the arrays of a call.
#pragma once

#include "kernels/batch_norm/batch_norm.h"
#include "tests/ops/reference.h"

namespace pc::test {

struct NormInputs {
  Values x, residual, gamma, beta, running_mean, running_var, dy;
};
struct NormOutputs {
  Values y = {}, mean = {}, invstd = {}, running_mean = {}, running_var = {}, dx = {}, dresidual = {}, dgamma = {},
         dbeta = {};
};

inline NormInputs norm_inputs(int64_t x_size, int64_t y_size, int c, DType dtype, double mean) {
  return {.x = rounded(random_values(x_size, 1, 1.5, mean), dtype),
          .residual = rounded(random_values(x_size, 2), dtype),
          .gamma = random_values(c, 3, 0.3, 1),
          .beta = random_values(c, 4, 0.5),
          .running_mean = random_values(c, 5),
          .running_var = random_values(c, 6, 0.1, 1),
          .dy = rounded(random_values(y_size, 7), dtype)};
}

// What x is normalized with, and the running statistics after it.
inline NormOutputs norm_moments(const NormInputs& in, bool training, float momentum, float eps) {
  NormOutputs out{.mean = in.running_mean, .running_mean = in.running_mean, .running_var = in.running_var};
  const std::size_t c = in.gamma.size(), rows = in.x.size() / c;
  const double m = double(rows);
  Values var = in.running_var;
  for (std::size_t j = 0; j < c && training; ++j) {
    out.mean[j] = var[j] = 0;
    for (std::size_t i = 0; i < rows; ++i) out.mean[j] += in.x[i * c + j] / m;
    for (std::size_t i = 0; i < rows; ++i) var[j] += std::pow(in.x[i * c + j] - out.mean[j], 2) / m;
    out.running_mean[j] += double(momentum) * (out.mean[j] - in.running_mean[j]);
    out.running_var[j] += double(momentum) * (var[j] * m / (m - (rows > 1)) - in.running_var[j]);
  }
  for (const double v : var) out.invstd.push_back(1 / std::sqrt(v + double(eps)));
  return out;
}

// gamma * xhat + beta of element i, and xhat.
inline std::pair<double, double> normalized(const NormInputs& in, const NormOutputs& out, std::size_t i) {
  const std::size_t j = i % in.gamma.size();
  const double xhat = (in.x[i] - out.mean[j]) * out.invstd[j];
  return {in.gamma[j] * xhat + in.beta[j], xhat};
}

// dgamma, dbeta and dx, from the gradient of gamma * xhat + beta.
inline void norm_gradients(const NormInputs& in, bool training, const Values& g, NormOutputs& out) {
  const std::size_t c = in.gamma.size();
  const double m = double(g.size() / c);
  out.dgamma.assign(c, 0), out.dbeta.assign(c, 0), out.dx.resize(g.size());
  for (std::size_t i = 0; i < g.size(); ++i) {
    out.dbeta[i % c] += g[i];
    out.dgamma[i % c] += g[i] * normalized(in, out, i).second;
  }
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double through = (out.dbeta[i % c] + normalized(in, out, i).second * out.dgamma[i % c]) / m;
    out.dx[i] = in.gamma[i % c] * out.invstd[i % c] * (g[i] - (training ? through : 0));
  }
}

// reference(inputs) has the derivatives of dot(y, dy) by its inputs.
template <class Reference>
void expect_derivatives(const NormInputs& in, Reference reference) {
  const NormOutputs at = reference(in);
  const auto expect_slope = [&](Values NormInputs::*input, const Values& slope, const char* what) {
    const auto loss = [&](const Values& v) {
      NormInputs moved = in;
      moved.*input = v;
      return dot(reference(moved).y, in.dy);
    };
    expect_close(slope, differences(loss, in.*input), {1e-5, 1e-7}, what);
  };
  expect_slope(&NormInputs::x, at.dx, "dx");
  expect_slope(&NormInputs::gamma, at.dgamma, "dgamma");
  expect_slope(&NormInputs::beta, at.dbeta, "dbeta");
  if (!at.dresidual.empty()) expect_slope(&NormInputs::residual, at.dresidual, "dresidual");
}

// The arrays of a call on a device.
struct NormArrays {
  NormArrays(const NormInputs& in, Device device, DType dtype)
      : x(device, dtype, in.x),
        residual(device, dtype, in.residual),
        dy(device, dtype, in.dy),
        gamma(device, DType::f32, in.gamma),
        beta(device, DType::f32, in.beta),
        running_mean(device, DType::f32, in.running_mean),
        running_var(device, DType::f32, in.running_var),
        y(device, dtype, int64_t(in.dy.size())),
        dx(device, dtype, int64_t(in.x.size())),
        dresidual(device, dtype, int64_t(in.x.size())),
        mean(device, DType::f32, int64_t(in.gamma.size())),
        invstd(device, DType::f32, int64_t(in.gamma.size())),
        dgamma(device, DType::f32, int64_t(in.gamma.size())),
        dbeta(device, DType::f32, int64_t(in.gamma.size())) {}
  BatchNormForward forward(float eps, float momentum) const {
    return {.x = x.data(),
            .gamma = gamma.as<float>(),
            .beta = beta.as<float>(),
            .eps = eps,
            .momentum = momentum,
            .running_mean = running_mean.as<float>(),
            .running_var = running_var.as<float>(),
            .y = y.data(),
            .mean = mean.as<float>(),
            .invstd = invstd.as<float>()};
  }
  BatchNormBackward backward() const {
    return {.dy = dy.data(),
            .x = x.data(),
            .gamma = gamma.as<float>(),
            .mean = mean.as<float>(),
            .invstd = invstd.as<float>(),
            .dx = dx.data(),
            .dgamma = dgamma.as<float>(),
            .dbeta = dbeta.as<float>()};
  }
  NormOutputs values(bool residual_too = true) const {
    return {.y = y.values(),
            .mean = mean.values(),
            .invstd = invstd.values(),
            .running_mean = running_mean.values(),
            .running_var = running_var.values(),
            .dx = dx.values(),
            .dresidual = residual_too ? dresidual.values() : Values(),
            .dgamma = dgamma.values(),
            .dbeta = dbeta.values()};
  }
  std::vector<uint8_t> bytes() const {
    return joined({&y, &mean, &invstd, &running_mean, &running_var, &dx, &dresidual, &dgamma, &dbeta});
  }
  Array x, residual, dy, gamma, beta, running_mean, running_var, y, dx, dresidual, mean, invstd, dgamma, dbeta;
};

}  // namespace pc::test
