#include "tools/report/test_pass.h"

#include <algorithm>
#include <cmath>

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
          .p = std::exp(-sum),
          .tempered = std::exp(-log_sum(logits, *top, temperature)),
          .p_truth = std::exp(-loss),
          .loss = loss};
}

std::vector<TestedHead> test_pass(Classifier& model, const std::vector<HeadShape>& heads, const BatchMaker& batches,
                                  std::span<const uint32_t> items, int batch, const std::vector<double>& temperatures,
                                  const EvaluateProgress& progress) {
  std::vector<TestedHead> all;
  for (const HeadShape& head : heads) {
    const auto classes = std::size_t(head.classes);
    all.push_back(
        {.score = {.name = head.name, .classes = head.classes, .confusion = std::vector<int64_t>(classes * classes)},
         .pictures = {}});
  }
  for (std::size_t begin = 0; begin < items.size(); begin += std::size_t(batch)) {
    const auto part = items.subspan(begin, std::min(std::size_t(batch), items.size() - begin));
    const std::vector<Var> logits = model.forward(Var(batches.whole(part).x), Mode::infer);
    for (std::size_t h = 0; h < heads.size(); ++h) {
      const std::vector<float> values = logits[h].value().to_vector<float>();
      const auto classes = std::size_t(heads[h].classes);
      for (std::size_t i = 0; i < part.size(); ++i) {
        const int32_t truth = batches.label(part[i], h);
        if (truth < 0) {
          ++all[h].score.unknown;
          continue;
        }
        all[h].pictures.push_back(
            tested(part[i], std::span(values).subspan(i * classes, classes), truth, temperatures[h]));
        all[h].score.add(truth, all[h].pictures.back().answer);
      }
    }
    if (progress) progress(int64_t(begin + part.size()));
  }
  return all;
}

}  // namespace pc
