#include "tools/evaluate/evaluate.h"

#include <algorithm>

#include "tools/cli/progress.h"

namespace pc::evaluate {

void for_logits(Classifier& model, const runs::BatchMaker& batches, std::span<const uint32_t> items, int batch,
                const LogitsSink& sink, const EvaluateProgress& progress) {
  NoGrad no_grad;
  for (std::size_t begin = 0; begin < items.size(); begin += std::size_t(batch)) {
    const auto part = items.subspan(begin, std::min(std::size_t(batch), items.size() - begin));
    const std::vector<Var> logits = model.forward(Var(batches.whole(part).x), Mode::infer);
    for (std::size_t h = 0; h < logits.size(); ++h) {
      const std::vector<float> values = logits[h].value().to_vector<float>();
      const std::size_t classes = values.size() / part.size();
      for (std::size_t i = 0; i < part.size(); ++i) sink(begin + i, h, std::span(values).subspan(i * classes, classes));
    }
    if (progress) progress(int64_t(begin + part.size()));
  }
}

LabeledLogits collect_logits(Classifier& model, const runs::BatchMaker& batches, std::span<const uint32_t> items,
                             int batch, const char* what) {
  cli::Progress progress(what, int64_t(items.size()));
  LabeledLogits all{.logits = std::vector<predict::Logits>(items.size()), .labels = {}};
  for_logits(
      model, batches, items, batch,
      [&](std::size_t place, std::size_t, std::span<const float> logits) {
        all.logits[place].emplace_back(logits.begin(), logits.end());
      },
      [&](int64_t done) { progress.update(done); });
  for (const uint32_t item : items) {
    all.labels.emplace_back();
    for (std::size_t h = 0; h < batches.heads(); ++h) all.labels.back().push_back(batches.label(item, h));
  }
  return all;
}

std::vector<HeadScore> evaluate(Classifier& model, const std::vector<HeadShape>& heads, const runs::BatchMaker& batches,
                                std::span<const uint32_t> items, int batch, const EvaluateProgress& progress) {
  std::vector<HeadScore> scores = empty_scores(heads);
  const auto count = [&](std::size_t place, std::size_t h, std::span<const float> logits) {
    const int truth = batches.label(items[place], h);
    if (truth < 0)
      ++scores[h].unknown;
    else
      scores[h].add(truth, logits);
  };
  for_logits(model, batches, items, batch, count, progress);
  return scores;
}

}  // namespace pc::evaluate
