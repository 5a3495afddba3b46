// cross_entropy against plain f64 loops and PyTorch's numbers: smoothing, mixed and plain targets, rows without a
// label, extreme logits.
#include "kernels/cross_entropy/cross_entropy.h"

#include <cmath>
#include <numeric>

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

struct Targets {
  std::vector<int32_t> a, b = {};
  Values lambda = {};        // empty: plain labels
  Values class_weight = {};  // empty: 1 each
};
struct Result {
  double loss;
  Values dx;
};

Targets plain(const std::vector<int32_t>& labels) {
  return {.a = labels, .b = labels, .lambda = Values(labels.size(), 1)};
}

// Mixed targets; every `gap`th row has no label.
Targets mixed(int n, int classes, int gap) {
  Targets t{
      .a = random_integers(n, classes, 11), .b = random_integers(n, classes, 12), .lambda = Values(std::size_t(n))};
  for (std::size_t i = 0; i < std::size_t(n); ++i) {
    t.lambda[i] = double(uniform(philox(13, 0, i).word[0]));
    if (gap && i % std::size_t(gap) == 1) t.a[i] = -1;
  }
  return t;
}

// Class weights from 0.01 to 100.
Targets weighted(Targets t, int classes) {
  for (std::size_t c = 0; c < std::size_t(classes); ++c)
    t.class_weight.push_back(std::pow(10.0, 4 * double(uniform(philox(14, 0, c).word[0])) - 2));
  return t;
}

Result reference(const CrossEntropyShape& s, const Values& x, const Targets& t) {
  Result r{.loss = 0, .dx = Values(x.size())};
  const std::size_t classes = std::size_t(s.classes);
  Values weight(t.a.size());
  for (std::size_t i = 0; i < t.a.size(); ++i) {
    if (t.a[i] < 0) continue;
    weight[i] = 1;
    if (t.class_weight.empty()) continue;
    weight[i] =
        t.lambda[i] * t.class_weight[std::size_t(t.a[i])] + (1 - t.lambda[i]) * t.class_weight[std::size_t(t.b[i])];
  }
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  for (std::size_t i = 0; i < t.a.size(); ++i) {
    if (t.a[i] < 0) continue;
    Values target(classes, double(s.smoothing) / double(classes));
    target[std::size_t(t.a[i])] += (1 - double(s.smoothing)) * t.lambda[i];
    target[std::size_t(t.b[i])] += (1 - double(s.smoothing)) * (1 - t.lambda[i]);
    double top = x[i * classes], sum = 0;
    for (std::size_t c = 0; c < classes; ++c) top = std::max(top, x[i * classes + c]);
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(x[i * classes + c] - top);
    for (std::size_t c = 0; c < classes; ++c) {
      const double log_p = x[i * classes + c] - top - std::log(sum);
      if (target[c] > 0) r.loss -= weight[i] * target[c] * log_p / total;
      r.dx[i * classes + c] = weight[i] * (std::exp(log_p) - target[c]) / total;
    }
  }
  return r;
}

Result kernel(const CrossEntropyShape& s, const Values& x, const Targets& t, Device device,
              std::vector<uint8_t>* bits = nullptr) {
  const Array logits(device, DType::f32, x), lambda(device, DType::f32, t.lambda);
  const Array weights(device, DType::f32, t.class_weight);
  const Array a(device, DType::i32, t.a), b(device, DType::i32, t.b);
  const Array loss(device, DType::f32, 1), again(device, DType::f32, 1), dx(device, DType::f32, int64_t(x.size()));
  const MixedTarget target{.a = a.as<int32_t>(),
                           .b = t.lambda.empty() ? nullptr : b.as<int32_t>(),
                           .lambda = t.lambda.empty() ? nullptr : lambda.as<float>(),
                           .class_weight = t.class_weight.empty() ? nullptr : weights.as<float>()};
  PC_KERNELS(cross_entropy, device).forward(s, logits.as<float>(), target, loss.as<float>(), dx.as<float>());
  PC_KERNELS(cross_entropy, device).forward(s, logits.as<float>(), target, again.as<float>(), nullptr);
  EXPECT_EQ(loss.bytes(), again.bytes()) << "without dlogits";
  if (bits) *bits = joined({&loss, &dx});
  return {.loss = loss.values()[0], .dx = dx.values()};
}

void check(const CrossEntropyShape& s, const Values& x, const Targets& t, Device device) {
  SCOPED_TRACE(testing::Message() << "n " << s.n << " classes " << s.classes << " smoothing " << s.smoothing);
  const Result want = reference(s, x, t), got = kernel(s, x, t, device);
  EXPECT_NEAR(got.loss, want.loss, 1e-5 * std::abs(want.loss) + 1e-6);
  expect_close(got.dx, want.dx, {1e-5, 1e-6 / s.n}, "dx");
}

void check_many(Device device) {
  for (float smoothing : {0.0f, 0.1f})
    for (const auto& [n, classes] : {std::pair{1, 1}, {1, 2}, {3, 7}, {64, 150}, {65, 45}, {200, 16}, {9, 1000}})
      for (int gap : {0, 3}) {
        check({n, classes, smoothing}, random_values(int64_t(n) * classes, 1, 3), mixed(n, classes, gap), device);
        check({n, classes, smoothing}, random_values(int64_t(n) * classes, 2, 3), plain(random_integers(n, classes, 3)),
              device);
        check({n, classes, smoothing}, random_values(int64_t(n) * classes, 3, 3),
              weighted(mixed(n, classes, gap), classes), device);
      }
}

void check_pytorch(Device device) {
  // torch.nn.functional.cross_entropy(x, [2, -1, 0], ignore_index=-1, label_smoothing=e)
  const Values x{1, -2, 0.5, 3, 0, 0.25, -1, 2, 5, 4, 3, 2};
  const Targets t = plain({2, -1, 0});
  const Result hard = kernel({3, 4, 0}, x, t, device), smooth = kernel({3, 4, 0.1f}, x, t, device);
  EXPECT_NEAR(hard.loss, 1.57122159, 1e-6);
  EXPECT_NEAR(smooth.loss, 1.63997149, 1e-6);
  const Tolerance close{0, 2e-7};
  expect_close(hard.dx,
               {0.055276867, 0.00275207381, -0.466472894, 0.408443928, 0, 0, 0, 0, -0.178042859, 0.118441403,
                0.0435721651, 0.0160293039},
               close, "dx");
  expect_close(smooth.dx,
               {0.042776864, -0.00974792615, -0.42897287, 0.39594391, 0, 0, 0, 0, -0.14054288, 0.105941385,
                0.0310721602, 0.00352930184},
               close, "dx");
}

void check_pytorch_weights(Device device) {
  // torch.nn.functional.cross_entropy(x, [2, -1, 0], weight=[0.5, 1, 4, 2], ignore_index=-1)
  const Values x{1, -2, 0.5, 3, 0, 0.25, -1, 2, 5, 4, 3, 2};
  Targets t = plain({2, -1, 0});
  t.class_weight = {0.5, 1, 4, 2};
  const Result got = kernel({3, 4, 0}, x, t, device);
  EXPECT_NEAR(got.loss, 2.45091303, 1e-6);
  expect_close(got.dx,
               {0.0982700003, 0.00489257522, -0.829285121, 0.726122545, 0, 0, 0, 0, -0.0395650822, 0.0263203131,
                0.00968270208, 0.00356206703},
               {0, 2e-7}, "dx");
}

void check_no_label(Device device) {
  const Result got = kernel({3, 5, 0.1f}, random_values(15, 1), plain({-1, -1, -1}), device);
  EXPECT_EQ(got.loss, 0);
  expect_close(got.dx, Values(15), {0, 0}, "dx");
}

// Differences of hundreds overflow a plain exp; a class with probability 0 and target 0 must not contribute.
void check_extreme(Device device) {
  const double inf = double(kInf);
  const Values x{1000, -1000, 0, -1000, 1000, 0, 3, -inf, 1};
  const Result got = kernel({3, 3, 0}, x, plain({0, 0, 2}), device);
  EXPECT_NEAR(got.loss, (0 + 2000 + std::log(std::exp(2.0) + 1)) / 3, 1e-3);
  for (double dx : got.dx) EXPECT_TRUE(std::isfinite(dx));
  EXPECT_NEAR(got.dx[3], -1.0 / 3, 1e-7);
}

void check_backward(Device device) {
  const Array one(device, DType::f32, Values{1}), some(device, DType::f32, Values{-2.5});
  const auto& table = PC_KERNELS(cross_entropy, device);
  for (const int64_t n : element_counts()) {
    Values want = random_values(3 * n, 1);
    const Array dx(device, DType::f32, want);
    table.backward({3, int(n), 0}, one.as<float>(), dx.as<float>());
    expect_close(dx.values(), want, {0, 0}, "dx of 1");
    table.backward({3, int(n), 0}, some.as<float>(), dx.as<float>());
    for (double& v : want) v *= -2.5;
    expect_close(dx.values(), want, {1e-6, 0}, "dx");
  }
}

// Labels alone are the same as every row with its label twice and a share of 1.
void check_plain(Device device) {
  const CrossEntropyShape s{40, 21, 0.1f};
  Targets t = weighted(plain(random_integers(40, 21, 3)), 21);
  t.a[7] = t.a[39] = -1;
  const Values x = random_values(40 * 21, 1, 3);
  std::vector<uint8_t> with, without;
  kernel(s, x, t, device, &with);
  t.b.clear(), t.lambda.clear();
  kernel(s, x, t, device, &without);
  EXPECT_EQ(with, without);
}

TEST(CrossEntropy, MatchesReference) { check_many(Device::cpu); }
TEST(CrossEntropy, MatchesPyTorch) { check_pytorch(Device::cpu); }
TEST(CrossEntropy, WeighsClassesAsPyTorch) { check_pytorch_weights(Device::cpu); }
TEST(CrossEntropy, NoRowWithALabel) { check_no_label(Device::cpu); }
TEST(CrossEntropy, ExtremeLogits) { check_extreme(Device::cpu); }
TEST(CrossEntropy, BackwardScalesInPlace) { check_backward(Device::cpu); }
TEST(CrossEntropy, LabelsAloneCountWhole) { check_plain(Device::cpu); }

TEST(CrossEntropy, ReferenceGradientIsTheDerivative) {
  const CrossEntropyShape s{4, 5, 0.1f};
  const Values x = random_values(20, 1, 2);
  for (const Targets& t : {mixed(4, 5, 3), weighted(mixed(4, 5, 3), 5)})
    expect_close(reference(s, x, t).dx, differences([&](const Values& v) { return reference(s, v, t).loss; }, x),
                 {1e-6, 1e-8}, "dx");
}

TEST(CrossEntropy, NaNReachesTheLoss) {
  for (std::size_t at : {std::size_t(0), std::size_t(4), std::size_t(9)}) {
    Values x(10, 1);
    x[at] = double(kNaN);
    EXPECT_TRUE(std::isnan(kernel({2, 5, 0}, x, plain({1, 1}), Device::cpu).loss)) << at;
  }
}

TEST(CrossEntropy, RefusesALabelOutOfRange) {
  const Values x(10, 1);
  EXPECT_THROW(kernel({2, 5, 0}, x, plain({1, 5}), Device::cpu), std::logic_error);
  EXPECT_THROW(kernel({2, 5, 0}, x, {.a = {1, 1}, .b = {1, -1}, .lambda = {1, 0.5}}, Device::cpu), std::logic_error);
}

TEST(CrossEntropy, SameBitsWithAnyNumberOfThreads) {
  const Values x = random_values(301 * 40, 1, 3);
  const Targets t = weighted(mixed(301, 40, 5), 40);
  expect_same_bits_with_two_threads([&] {
    std::vector<uint8_t> bits;
    kernel({301, 40, 0.1f}, x, t, Device::cpu, &bits);
    return bits;
  });
}

TEST(CrossEntropy, GpuMatchesReference) {
  PC_NEEDS_GPU();
  check_many(Device::cuda);
  check_backward(Device::cuda);
  check_plain(Device::cuda);
}
TEST(CrossEntropy, GpuSpecialRows) {
  PC_NEEDS_GPU();
  check_pytorch(Device::cuda);
  check_pytorch_weights(Device::cuda);
  check_no_label(Device::cuda);
  check_extreme(Device::cuda);
}

}  // namespace
}  // namespace pc::test
