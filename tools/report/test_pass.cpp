#include "tools/report/test_pass.h"

#include <algorithm>
#include <cmath>

#include "tools/predict/verdict.h"

namespace pc::report {
namespace {

// log(sum exp(logits / temperature)), measured from the largest logit.
double log_sum(std::span<const float> logits, float largest, double temperature) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp((double(logit) - largest) / temperature);
  return std::log(sum);
}

}  // namespace

Tested tested(uint32_t item, std::span<const float> logits, int32_t truth, double temperature) {
  const auto top = std::max_element(logits.begin(), logits.end());
  const double sum = log_sum(logits, *top, 1), loss = sum - (double(logits[std::size_t(truth)]) - *top);
  return {.item = item,
          .truth = truth,
          .answer = int32_t(top - logits.begin()),
          .label = int32_t(top - logits.begin()),
          .p = std::exp(-sum),
          .tempered = std::exp(-log_sum(logits, *top, temperature)),
          .p_truth = std::exp(-loss),
          .loss = loss};
}

std::vector<TestedHead> test_pass(const ModelInfo& info, const evaluate::LabeledLogits& answered,
                                  std::span<const uint32_t> items) {
  const std::vector<double> t = predict::temperatures(info);
  std::vector<TestedHead> all;
  auto scores = evaluate::empty_scores(info.head_shapes());
  for (std::size_t h = 0; h < scores.size(); ++h) {
    TestedHead& head = all.emplace_back(TestedHead{.score = std::move(scores[h]),
                                                   .classes = info.heads[h].labels,
                                                   .labels = info.heads[h].labels,
                                                   .pictures = {}});
    for (std::size_t i = 0; i < items.size(); ++i) {
      const int32_t truth = answered.labels[i][h];
      if (truth < 0) {
        ++head.score.unknown;
        continue;
      }
      head.pictures.push_back(tested(items[i], answered.logits[i][h], truth, t[h]));
      head.score.add(truth, std::span<const float>(answered.logits[i][h]));
    }
  }
  return all;
}

}  // namespace pc::report
