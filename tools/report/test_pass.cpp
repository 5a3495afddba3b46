#include "tools/report/test_pass.h"

#include <algorithm>
#include <cmath>

#include "tools/predict/verdict.h"

namespace pc {
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

std::vector<TestedHead> test_pass(Classifier& model, const ModelInfo& info, const BatchMaker& batches,
                                  std::span<const uint32_t> items, int batch, const EvaluateProgress& progress) {
  const std::vector<double> t = temperatures(info);
  std::vector<TestedHead> all;
  auto scores = empty_scores(info.head_shapes());
  for (std::size_t h = 0; h < scores.size(); ++h)
    all.push_back({.score = std::move(scores[h]),
                   .classes = info.heads[h].labels,
                   .labels = info.heads[h].labels,
                   .pictures = {}});
  const auto keep = [&](std::size_t place, std::size_t h, std::span<const float> logits) {
    const int32_t truth = batches.label(items[place], h);
    if (truth < 0) {
      ++all[h].score.unknown;
      return;
    }
    all[h].pictures.push_back(tested(items[place], logits, truth, t[h]));
    all[h].score.add(truth, all[h].pictures.back().answer);
  };
  for_logits(model, batches, items, batch, keep, progress);
  return all;
}

}  // namespace pc
