// The cases of norm_conv: fused, in f16 on CUDA, and as the two ops.
#pragma once

#include "kernels/base/error.h"
#include "kernels/norm_conv/norm_conv.h"
#include "tests/ops/batch_norm_cases.h"
#include "tests/ops/conv2d_products.h"

namespace pc::test {

// x, gamma, beta, the running mean and variance, w; fused: the sums of y, written.
inline OpCase norm_conv_case(const Conv2dShape& s, const NormCase& t, bool fused, bool branches = true) {
  const auto convolved = [=](const Values& z, const InputValues& in) {
    Values y(std::size_t(s.n) * s.p() * s.q() * s.k);
    each_product(s, [&](auto i, auto j, auto o) { y[o] += z[i] * in[5][j]; });
    return y;
  };
  std::vector<OpInput> more{{.shape = {s.k, s.r, s.s, s.c}, .f32 = true, .rounded = true, .scale = 0.25}};
  if (fused)
    more.push_back({.shape = {2, s.k},
                    .f32 = true,
                    .differentiable = false,
                    .reads = 0,
                    .backward_reads = 0,
                    .written = [=](const InputValues& in) {
                      return sums_of(convolved(batch_norm_reference(t, in), in), std::size_t(s.k));
                    }});
  OpCase c = norm_case(
      fused ? "norm_conv" : "batch_norm, conv2d", {s.n, s.h, s.w, s.c}, t,
      [=](const std::vector<Var>& in, Var& mean, Var& var, const BatchNormOptions& options) {
        if (fused && !PC_KERNELS(norm_conv, Device::cuda).takes(s, DType::f16))
          fail_shape("norm_conv: cuDNN has no engine for this shape");
        Tensor sums;
        const Var y =
            norm_conv(in[0], in[1], in[2], mean, var, options, in[5], {.stride = s.stride, .pad = s.pad}, &sums);
        if (fused) memory::copy(Device::cuda, in[6].value().data(), Device::cuda, sums.data(), sums.bytes());
        return y;
      },
      convolved, more);
  c.name += " " + std::to_string(s.k) + "x" + std::to_string(s.r) + "/" + std::to_string(s.stride);
  c.roundings = 3;
  c.fusions.norm_conv = fused, c.fusions.branches = branches;
  if (fused) c.only = DType::f16;
  c.y = {s.n, s.p(), s.q(), s.k};
  c.flops = 2 * double(element_count(c.y)) * s.r * s.s * s.c, c.backward_flops = 2 * c.flops;
  // The traffic of the one op, also for the two: x once forward; backward for both gradients, and again after the sums,
  // when dx is read too.
  c.inputs[0].reads = 1, c.inputs[0].backward_reads = 5, c.y_reads = 1;
  return c;
}

inline constexpr Conv2dShape kNormConvShapes[] = {
    {.n = 2, .h = 5, .w = 4, .c = 8, .k = 16, .r = 3, .s = 3, .stride = 1, .pad = 1},
    {.n = 3, .h = 7, .w = 6, .c = 16, .k = 8, .r = 3, .s = 3, .stride = 2, .pad = 1},
    {.n = 2, .h = 3, .w = 5, .c = 16, .k = 32, .r = 1, .s = 1, .stride = 1, .pad = 0},
    {.n = 2, .h = 5, .w = 5, .c = 8, .k = 8, .r = 1, .s = 1, .stride = 2, .pad = 0}};

inline std::vector<OpCase> norm_conv_cases() {
  std::vector<OpCase> cases;
  for (const Conv2dShape& s : kNormConvShapes) {
    for (const bool sums : {true, false}) cases.push_back(norm_conv_case(s, {.sums = sums}, true, !sums));
    cases.push_back(norm_conv_case(s, {}, false));
  }
  cases.push_back(norm_conv_case(kNormConvShapes[0], {.activation = Activation::silu}, false));
  cases.push_back(norm_conv_case(kNormConvShapes[0], {.training = false}, false));
  return cases;
}

}  // namespace pc::test
