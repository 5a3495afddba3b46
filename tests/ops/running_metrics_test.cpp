// running_metrics against plain counting: ties, rows without a label, a running total, a loss that is not finite.
#include "kernels/running_metrics/running_metrics.h"

#include "tests/ops/reference.h"

namespace pc::test {
namespace {

RunningMetricsCounts run(Device device, int n, int classes, const Values& logits, const std::vector<int32_t>& labels,
                         double loss, RunningMetricsCounts start) {
  const Array x(device, DType::f32, logits), y(device, DType::i32, labels), mean(device, DType::f32, Values{loss});
  const Buffer counts(device, sizeof start);
  memory::copy(device, counts.data(), Device::cpu, &start, sizeof start);
  PC_KERNELS(running_metrics, device)
      .add(n, classes, x.as<float>(), y.as<int32_t>(), mean.as<float>(), counts.as<RunningMetricsCounts>());
  memory::copy(Device::cpu, &start, device, counts.data(), sizeof start);
  return start;
}

void check(Device device) {
  for (const auto& [n, classes] : {std::pair{1, 1}, {5, 3}, {40, 32}, {70, 143}, {33, 65}}) {
    SCOPED_TRACE(std::to_string(n) + " rows of " + std::to_string(classes));
    Values logits = random_values(int64_t(n) * classes, 1);
    for (double& v : logits) v = std::round(2 * v);  // so that many are equal
    std::vector<int32_t> labels = random_integers(n, classes + 1, 2);
    double seen = 0, hits = 0;
    for (int i = 0; i < n; ++i) {
      std::size_t first = std::size_t(i) * std::size_t(classes), best = first;
      for (std::size_t c = first; c < first + std::size_t(classes); ++c)
        if (logits[c] > logits[best]) best = c;
      if (i % 3 == 0) labels[std::size_t(i)] = int32_t(best - first);
      if (labels[std::size_t(i)] == classes) labels[std::size_t(i)] = -1;
      seen += labels[std::size_t(i)] >= 0;
      hits += labels[std::size_t(i)] == int32_t(best - first);
    }
    const RunningMetricsCounts got = run(device, n, classes, logits, labels, 0.75, {.loss = 2, .hits = 10, .seen = 20});
    EXPECT_EQ(got.loss, 2 + 0.75 * n);
    EXPECT_EQ(got.hits, 10 + hits);
    EXPECT_EQ(got.seen, 20 + seen);
  }
  EXPECT_TRUE(std::isnan(run(device, 1, 2, {1, 2}, {0}, double(kNaN), {}).loss));
}

TEST(RunningMetrics, CountsAsPlainLoopsDo) { check(Device::cpu); }

TEST(RunningMetrics, Gpu) {
  PC_NEEDS_GPU();
  check(Device::cuda);
}

}  // namespace
}  // namespace pc::test
