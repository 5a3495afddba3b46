#include "tools/train/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace pc {

int64_t HeadScore::n() const { return std::accumulate(confusion.begin(), confusion.end(), int64_t{0}); }

double HeadScore::accuracy() const {
  int64_t right = 0;
  for (int c = 0; c < classes; ++c) right += confusion[std::size_t(c * classes + c)];
  return n() ? double(right) / double(n()) : 0;
}

double HeadScore::macro_f1() const {
  double sum = 0;
  int present = 0;
  for (int c = 0; c < classes; ++c) {
    int64_t truth = 0, predicted = 0;
    for (int o = 0; o < classes; ++o) truth += confusion[std::size_t(c * classes + o)], predicted += confusion[std::size_t(o * classes + c)];
    if (truth == 0) continue;
    ++present;
    sum += 2.0 * double(confusion[std::size_t(c * classes + c)]) / double(truth + predicted);
  }
  return present ? sum / present : 0;
}

double HeadScore::majority() const {
  int64_t most = 0;
  for (int c = 0; c < classes; ++c) {
    const auto row = confusion.begin() + std::ptrdiff_t(c) * classes;
    most = std::max(most, std::accumulate(row, row + classes, int64_t{0}));
  }
  return n() ? double(most) / double(n()) : 0;
}

std::vector<HeadScore> evaluate(Classifier& model, const std::vector<HeadShape>& heads, const BatchMaker& batches,
                                std::span<const uint32_t> items, int batch, const EvaluateProgress& progress) {
  NoGrad no_grad;
  std::vector<HeadScore> scores;
  for (const HeadShape& head : heads)
    scores.push_back({.name = head.name, .classes = head.classes,
                      .confusion = std::vector<int64_t>(std::size_t(head.classes) * std::size_t(head.classes))});
  for (std::size_t begin = 0; begin < items.size(); begin += std::size_t(batch)) {
    const auto part = items.subspan(begin, std::min(std::size_t(batch), items.size() - begin));
    const std::vector<Var> logits = model.forward(Var(batches.whole(part).x), Mode::infer);
    for (std::size_t h = 0; h < heads.size(); ++h) {
      const std::vector<float> values = logits[h].value().to_vector<float>();
      for (std::size_t i = 0; i < part.size(); ++i) {
        const int truth = batches.label(part[i], h);
        const auto row = values.begin() + std::ptrdiff_t(i) * heads[h].classes;
        if (truth < 0)
          ++scores[h].unknown;
        else
          scores[h].add(truth, int(std::max_element(row, row + heads[h].classes) - row));
      }
    }
    if (progress) progress(int64_t(begin + part.size()));
  }
  return scores;
}

nlohmann::json to_json(const std::vector<HeadScore>& scores) {
  nlohmann::json j = nlohmann::json::object();
  for (const HeadScore& s : scores)
    j[s.name] = {{"accuracy", s.accuracy()}, {"macro_f1", s.macro_f1()}, {"majority", s.majority()}, {"n", s.n()}, {"unknown", s.unknown}};
  return j;
}

std::string to_table(const std::vector<HeadScore>& scores) {
  std::string text = fmt::format("{:<16} {:>8} {:>8} {:>9} {:>9} {:>9}\n", "head", "classes", "n", "accuracy", "macro-F1", "majority");
  for (const HeadScore& s : scores)
    text += fmt::format("{:<16} {:>8} {:>8} {:>9.4f} {:>9.4f} {:>9.4f}\n", s.name, s.classes, s.n(), s.accuracy(), s.macro_f1(), s.majority());
  return text;
}

}  // namespace pc
