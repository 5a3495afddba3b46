// conv2d on Vars, with a bias, against loops in f64, and its gradients against their differences: groups, paddings on every
// side, even and odd sizes, strides.
#include "tests/ops/conv2d_reference.h"
#include "tests/ops/op_case.h"
#include "tests/ops/reference.h"

namespace pc::test {
namespace {

OpCase conv2d_case(const Shape& x, const Shape& w, const Conv2dOptions& options) {
  const Conv2dShape s = conv2d_shape(Device::cpu, DType::f32, x, w, options);
  return {.name = to_string(x) + " " + to_string(w) + " stride " + std::to_string(s.stride) + " pad " +
                  to_string(s.pad) + " groups " + std::to_string(s.groups),
          .inputs = {{.shape = x},
                     {.shape = w, .f32 = true, .rounded = true},
                     {.shape = {s.k}, .f32 = true, .rounded = true, .backward_reads = 0}},
          .reference =
              [=](const std::vector<Values>& in) {
                Values y(y_size(s));
                for (std::size_t i = 0; i < y.size(); ++i) y[i] = in[2][i % std::size_t(s.k)];
                each_product(s, [&](auto i, auto j, auto o) { y[o] += in[0][i] * in[1][j]; });
                return y;
              },
          .run = [=](const std::vector<Var>& in) { return conv2d(in[0], in[1], in[2], options); },
          .flops = 2 * double(y_size(s)) * s.r * s.s * s.group_c()};
}

std::vector<OpCase> conv2d_cases() {
  std::vector<OpCase> cases;
  for (const auto& [c, k, groups] : {std::tuple{4, 6, 1}, {4, 6, 2}, {8, 8, 8}, {16, 8, 8}})
    for (const int stride : {1, 2})
      for (const int h : {4, 5}) {
        const Shape x{2, h, 9 - h, c}, w{k, 3, 3, c / groups};
        for (const Padding& pad : {Padding(0), Padding(1), Padding(2, 0, 1, 3)})
          cases.push_back(conv2d_case(x, w, {.stride = stride, .pad = pad, .groups = groups}));
        cases.push_back(conv2d_case(x, w, {.stride = stride, .same = true, .groups = groups}));
      }
  return cases;
}

TEST(Conv2dOp, MatchesReference) { check_values(conv2d_cases(), Device::cpu); }
TEST(Conv2dOp, SameBitsWithAnyNumberOfThreads) { check_threads(conv2d_cases()); }
TEST(Conv2dOp, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_values(conv2d_cases(), Device::cuda);
}

}  // namespace
}  // namespace pc::test
