// The cases of batch_norm; those of the ops that fuse it are made from norm_case().
#pragma once

#include <cmath>

#include "kernels/batch_norm/batch_norm_tiles.h"
#include "kernels/runtime/built_for.h"
#include "tests/ops/activation_reference.h"
#include "tests/ops/op_case.h"

namespace pc::test {

struct NormCase {
  Activation activation = Activation::relu;
  bool training = true, residual = false;
  bool sums = false;        // of x and of x * x are given, as a convolution computes them
  bool persistent = false;  // on CUDA in one launch
  float eps = 0.02f, momentum = 0.3f;
  double mean = 0.5;  // of x
};

// Per channel, the variance biased.
struct Moments {
  Values mean, var;
};
inline Moments moments(const Values& x, std::size_t c) {
  Moments m{Values(c), Values(c)};
  const auto average = [&](Values& of, auto term) {
    for (std::size_t row = 0; row < x.size(); row += c)
      for (std::size_t j = 0; j < c; ++j) of[j] += term(x[row + j], j);
    for (double& sum : of) sum /= double(x.size() / c);
  };
  average(m.mean, [](double v, std::size_t) { return v; });
  average(m.var, [&](double v, std::size_t j) { return (v - m.mean[j]) * (v - m.mean[j]); });
  return m;
}

// The sums of x, then those of x * x.
inline Values sums_of(const Values& x, std::size_t c) {
  Values sums(2 * c);
  for (std::size_t i = 0; i < x.size(); ++i) sums[i % c] += x[i], sums[c + i % c] += x[i] * x[i];
  return sums;
}

// in: x, gamma, beta, the running mean and variance, and the residual if there is one.
inline Values batch_norm_reference(const NormCase& t, const InputValues& in) {
  const std::size_t c = in[1].size();
  const Moments m = t.training ? moments(in[0], c) : Moments{in[3], in[4]};
  Values y = in[0], scale = in[1];
  for (std::size_t j = 0; j < c; ++j) scale[j] /= std::sqrt(m.var[j] + double(t.eps));
  for (std::size_t row = 0; row < y.size(); row += c)
    for (std::size_t j = 0; j < c; ++j) {
      const double z = (y[row + j] - m.mean[j]) * scale[j] + in[2][j] + (t.residual ? in[5][row + j] : 0);
      y[row + j] = activation_reference(t.activation, z);
    }
  return y;
}

using NormOp =
    std::function<Var(const std::vector<Var>& in, Var& running_mean, Var& running_var, const BatchNormOptions&)>;

// An op that begins with a norm of x; `then` continues its reference.
inline OpCase norm_case(const std::string& name, const Shape& x, const NormCase& t, const NormOp& op,
                        const std::function<Values(const Values& z, const InputValues& in)>& then,
                        const std::vector<OpInput>& more = {}) {
  const Shape vector{x.back()};
  const std::size_t c = std::size_t(x.back());
  const double m = double(element_count(x) / x.back());
  OpInput mean{.shape = vector, .f32 = true, .differentiable = false, .reads = 0, .backward_reads = 0}, var = mean;
  var.scale = 0.1, var.shift = 1;
  if (t.training) {
    mean.written = [=](const InputValues& in) {
      Values running = in[3];
      const Moments of_x = moments(in[0], c);
      for (std::size_t j = 0; j < c; ++j) running[j] += double(t.momentum) * (of_x.mean[j] - running[j]);
      return running;
    };
    var.written = [=](const InputValues& in) {
      Values running = in[4];
      const Moments of_x = moments(in[0], c);
      for (std::size_t j = 0; j < c; ++j) running[j] += double(t.momentum) * (of_x.var[j] * m / (m - 1) - running[j]);
      return running;
    };
  }
  OpCase norm{.name = name + " " + to_string(x) + " " + name_of(t.activation) + (t.training ? " training" : "") +
                      (t.residual ? " residual" : "") + (t.sums ? " sums" : "") + (t.persistent ? " persistent" : ""),
              .inputs = {{.shape = x, .scale = 1.5, .shift = t.mean},
                         {.shape = vector, .f32 = true, .scale = 0.3, .shift = 1},
                         {.shape = vector, .f32 = true, .scale = 0.5},
                         mean,
                         var}};
  if (t.residual) norm.inputs.push_back({.shape = x, .backward_reads = 0});
  norm.inputs.insert(norm.inputs.end(), more.begin(), more.end());
  const std::size_t sums = norm.inputs.size();
  if (t.sums)
    norm.inputs.push_back(
        {.shape = {2, x.back()}, .f32 = true, .differentiable = false, .made = [=](const InputValues& in) {
           return sums_of(in[0], c);
         }});
  norm.reference = [=](const InputValues& in) { return then(batch_norm_reference(t, in), in); };
  norm.run = [=](const std::vector<Var>& in) {
    Var running_mean = in[3], running_var = in[4];
    return op(in, running_mean, running_var,
              {.eps = t.eps,
               .momentum = t.momentum,
               .training = t.training,
               .activation = t.activation,
               .sums = t.sums ? in[sums].value() : Tensor()});
  };
  norm.accuracy = 2e-5;
  norm.fusions.persistent_norm = t.persistent;
  norm.inputs[0].reads = t.training && !t.persistent ? 2 : 1;
  norm.inputs[0].backward_reads = norm.inputs[0].reads;
  norm.y_reads = norm.inputs[0].reads;
  return norm;
}

inline OpCase batch_norm_case(const Shape& x, const NormCase& t = {}) {
  OpCase c = norm_case(
      "batch_norm", x, t,
      [=](const std::vector<Var>& in, Var& mean, Var& var, const BatchNormOptions& options) {
        return batch_norm(in[0], in[1], in[2], mean, var, t.residual ? in[5] : Var(), options);
      },
      [](const Values& z, const InputValues&) { return z; });
  c.flops = 8 * double(element_count(x)), c.backward_flops = 12 * double(element_count(x));
  return c;
}

// With relu or none, with a residual or without, in training or evaluation.
inline NormCase norm_variant(int64_t i) {
  return {.activation = i & 1 ? Activation::relu : Activation::none,
          .training = (i & 4) != 0,
          .residual = (i & 2) != 0,
          .eps = i % 3 ? 0.02f : 0.1f,
          .momentum = i % 3 ? 0.1f : 0.3f};
}

inline std::vector<OpCase> batch_norm_cases() {
  std::vector<OpCase> cases;
  int64_t i = 0;
  const auto add_variants = [&](const Shape& x, int64_t count) {
    for (++i; count > 0; --count) cases.push_back(batch_norm_case(x, norm_variant(i + 5 * count)));
  };
  for (const Shape& x : {Shape{7, 3}, {2, 1}, {33, 17}, {13, 5, 64}, {130, 72}}) add_variants(x, 4);
  for (const Shape& x : {Shape{1300, 96}, {2100, 8}}) add_variants(x, 2);  // several blocks of rows
  for (const Activation kind : kActivations)
    for (const bool training : {true, false}) {
      cases.push_back(batch_norm_case({7, 3}, {.activation = kind, .training = training}));
      cases.push_back(batch_norm_case({130, 40}, {.activation = kind, .training = training}));
    }
  return cases;
}

// Of the CPU: every remainder of the channels' tiles and vectors; both sides of the ends of blocks of rows, of the smallest
// and the largest block too; and far from 0, where the variance is not lost to cancellation.
inline std::vector<OpCase> batch_norm_remainders() {
  std::vector<OpCase> cases;
  const int lanes = built_for.lanes();
  for (int64_t c = 1; c <= (2 * batch_norm_vectors(lanes) + 1) * lanes + 1; ++c)
    for (const int64_t variant : {c / 8 + c, c / 8 + c + 4}) {
      const NormCase t = norm_variant(variant);
      cases.push_back(batch_norm_case({c % 4 ? 2 + c % 4 : t.training ? 2 : 1, c}, t));
    }
  for (const int c : {3, 70, 2100})
    for (const int more : {-1, 0, 1})
      cases.push_back(batch_norm_case({2 * batch_norm_block_rows({.rows = 1, .c = c}) + more, c},
                                      norm_variant(c % 2 + 2 * (more & 1) + 4)));
  OpCase far = batch_norm_case({3000, 20}, {.activation = Activation::none, .mean = 1000});
  far.accuracy = 1e-4;
  cases.push_back(far);
  return cases;
}

}  // namespace pc::test
